"""What the commands show is whole and true, however wide the terminal."""

import io
import json
import re
from pathlib import Path

import pytest
import typer.main
from rich.cells import cell_len
from rich.console import Console

from rlflood.cli import console
from rlflood.cli.app import app
from rlflood.cli.lists import LISTINGS
from rlflood.experiments import load_results, run_study, start_study, summarise
from rlflood.experiments.report.page.html import page
from rlflood.experiments.report.text.tables import tables
from rlflood.experiments.study.file import resolved
from rlflood.protocols import IMAGE_NETWORK
from rlflood.training import Machine, Task

COMMANDS = typer.main.get_command(app).commands


def unbroken(text):
    """Without line breaks, spaces and frames."""
    return "".join(letter for letter in text if not letter.isspace() and letter not in "│┃╭╮╰╯─━┏┓└┘┳┡╇┩┴")


@pytest.mark.parametrize("width", [40, 66, 80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_letter_of_its_texts(run, name, width):
    status, shown, _ = run(name, "--help", width=width)
    assert status == 0 and "…" not in shown
    whole = re.sub(r"\[x>=\d+\]", "", unbroken(shown))  # may stand on the second line of its own column
    for parameter in COMMANDS[name].params:
        assert unbroken(parameter.help) in whole, parameter.name
        assert all(option in whole for option in parameter.opts if option.startswith("-"))
        if isinstance(parameter.show_default, str):
            assert f"[default:({unbroken(parameter.show_default)})]" in whole
    assert unbroken(COMMANDS[name].help) in whole
    assert unbroken(COMMANDS[name].epilog) in whole


@pytest.mark.parametrize("width", [30, 40, 66, 80])
def test_the_list_of_commands_shows_every_letter_too(run, width):
    status, shown, _ = run("--help", width=width)
    assert status == 0 and "…" not in shown and "..." not in shown.replace("[ARGS]...", "")
    for name, command in COMMANDS.items():
        assert unbroken(f"{name} {command.help.partition(chr(10) * 2)[0]}") in unbroken(shown)


def test_the_defaults_that_help_tells_are_those_of_a_task():
    defaults = {
        parameter.name: parameter.show_default
        for parameter in COMMANDS["rollout"].params
        if isinstance(parameter.show_default, str)
    }
    fields = {name: field.default for name, field in Task.model_fields.items()} | {"batch_size": "all"}
    plain = {
        "network": fields["network"],
        "hidden": ",".join(map(str, fields["hidden"])),
        "weight_decay": f"{fields['weight_decay']:g}",
        "augmentation": IMAGE_NETWORK["augmentation"],  # of images alone
        "lr_milestones": f"never; images: {','.join(map(str, IMAGE_NETWORK['lr_milestones']))}",
    }
    for name in ("epochs", "batch_size", "optimizer", "learning_rate"):
        plain[name] = f"{fields[name]}; images: {IMAGE_NETWORK[name]}"
    # what depends on how large a person's own file is, is told in words
    plain["epochs"] += "; of a large file: fewer"
    plain["batch_size"] += "; of a file: 128 or more beyond 1,000"
    plain["train_size"] = "a third, 200 at most; of a file: all that are left"
    assert defaults == plain and fields["lr_milestones"] == () and fields["augmentation"] == "none"


QUICK = ("--data", "wine", "--hidden", 8, "--threads", 1)
DIVERGING = ("--optimizer", "sgd", "--learning-rate", 1e6, "--epochs", 6)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_a_rollout_shows_every_name_and_figure_at_any_width(run, width):
    arguments = (
        "rollout",
        "none",
        *QUICK,
        "--epochs",
        1,
        "--repeats",
        2,
        "--against",
        "adaptive,constant:0.25",
    )
    status, shown, _ = run(*arguments, width=width)
    wide = run(*arguments, width=200)[1]
    assert status == 0 and "…" not in shown
    assert all(cell_len(line) <= width for line in shown.splitlines())
    rows = [line.split("│")[1:-1] for line in wide.splitlines() if line.startswith("│")]
    assert [row[0].strip() for row in rows] == ["none", "adaptive", "constant:0.25"]
    for cell in (cell.strip() for row in rows for cell in row):
        assert unbroken(cell) in unbroken(shown)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize(
    "what", ["datasets", "environments", "methods", "presets", "protocols", "controllers"]
)
def test_a_list_shows_every_word_at_any_width(run, what, width):
    status, shown, _ = run("list", what, width=width)
    assert status == 0 and "…" not in shown
    _, rows = LISTINGS[what]()
    whole = unbroken(shown)
    for row in rows:
        assert all(unbroken(word) in whole for cell in row for word in cell.split())
    if width >= 80:  # no word is broken, and no name that one copies
        words = set(shown.replace("│", " ").split())
        assert {
            word
            for row in rows
            for cell in row[: 2 if what == "controllers" else None]
            for word in cell.split()
        } <= words
    if width >= 40:
        assert all(row[0] in shown for row in rows)


def test_a_run_that_diverged_is_marked_in_the_table_and_the_json(run):
    arguments = ("rollout", "none", *QUICK, "--repeats", 2, "--against", "constant:0.1", "--json", "out.json")
    status, shown, _ = run(*arguments, *DIVERGING)
    assert status == 0 and "none ‡" in shown and "nan" not in shown.lower()
    words = " ".join(shown.split())
    assert (
        "2 of 2 runs of none, 2 of 2 runs of constant:0.1 diverged: their loss was no longer finite" in words
    )
    assert [record["diverged"] for record in json.loads(Path("out.json").read_text())["records"]] == [
        [True] * 2
    ] * 2
    status, shown, _ = run(*arguments, "--epochs", 2)
    assert "‡" not in shown and "diverged" not in shown
    assert [record["diverged"] for record in json.loads(Path("out.json").read_text())["records"]] == [
        [False] * 2
    ] * 2


def test_a_rollout_under_label_noise_says_which_labels_are_wrong(run):
    arguments = ("rollout", "none", *QUICK, "--epochs", 1, "--repeats", 1, "--against", "")
    clean, noisy, test = (
        " ".join(run(*arguments, *more)[1].split())
        for more in ((), ("--label-noise", 0.2), ("--label-noise", 0.2, "--noisy-test"))
    )
    assert "labels are wrong" not in clean and "1 epoch, 1 repeat" in clean
    assert (
        "training and validation labels are wrong in that share" in noisy
        and "Test accuracy in %, clean labels" in noisy
    )
    assert "noisy labels, wrong in the same share as those of training" in test


@pytest.mark.parametrize(
    "arguments",
    [
        ("rollout", "none", *QUICK),
        ("train", "--out", "x"),
        ("explain", "default"),
        ("demo", "--out", "x"),
        ("benchmark", "quick", "--out", "x"),
    ],
)
@pytest.mark.parametrize("device", ["meta", "nonsense", "vulkan"])
def test_a_device_that_cannot_train_is_one_message(run, arguments, device):
    status, shown, error = run(*arguments, "--device", device)
    assert status == 2 and shown == ""
    assert len(error.splitlines()) == 1 and f"cannot train on the device '{device}'" in error


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a small study that one process did, every run of which diverged."""
    folder = tmp_path_factory.mktemp("study")
    study = {
        "name": "small", "seeds": 2, "methods": ["none", "constant:0.25"], "diagnosed_seeds": 0, "runs": 2,
        "tasks": [{
            "name": "Wine", "data": "wine", "label_noise": 0.2, "hidden": [8], "epochs": 6,
            "optimizer": "sgd", "learning_rate": 1e6,
        }],
    }  # fmt: skip
    start_study(resolved(study, "the study"), folder)
    run_study(folder, Machine(), lambda *_: None)
    return folder


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_a_report_shows_every_name_and_figure_at_any_width(finished, monkeypatch, width):
    summary, stream = summarise(load_results(finished), "last"), io.StringIO()
    monkeypatch.setattr(console, "console", Console(file=stream, width=width))
    console.print_standings(summary)
    whole = unbroken(stream.getvalue())
    for standing in summary.standings:
        mean = f"{100 * standing.mean.mean:.1f} ± {100 * standing.mean.half:.1f}"
        assert unbroken(f"{standing.method} ‡") in whole and unbroken(mean) in whole
    assert unbroken("2 of 2 runs of none, 2 of 2 runs of constant:0.25 diverged") in whole
    assert unbroken("1 task, 2 repeats;") in whole


def test_a_report_says_when_it_was_made_and_what_diverged(finished):
    pytest.importorskip("plotly")
    results = load_results(finished)
    made = re.search(r"<dt>Made</dt><dd>([^<]*)</dd>", page(results)).group(1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d( to .*)? UTC \(\d+ (second|minute)s?\)", made)
    assert "2 of 2 runs of none" in page(results) and "validation labels are wrong" in page(results)
    written = dict(tables(results))
    for name in ("standings-deployed-clean", "accuracy-deployed-clean"):
        text = written[f"{name}.md"]
        assert "‡" in text.splitlines()[2]
        assert "no longer finite" in text and "validation labels are wrong" in text
        assert r"\textdaggerdbl{}" in written[f"{name}.tex"]


def test_an_export_says_what_diverged(finished, run):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("export", finished)[0] == 0
    assert parquet.read_table(finished / "export" / "runs.parquet")["diverged"].to_pylist() == [True] * 4
