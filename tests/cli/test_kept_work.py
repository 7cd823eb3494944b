"""What the commands have done is kept: unwritable places, failed attempts, idle options, signals."""

import json
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from rlflood.control import Controller
from rlflood.errors import InputError
from rlflood.experiments import load_results
from rlflood.experiments.methods import GridSearch
from rlflood.experiments.study.locks import somebody_at_work
from rlflood.experiments.study.store import Store
from tests.cli.processes import PRESET, ROOT, has_row, in_words, started
from tests.image_archives import write_mnist

WINE = ("--data", "wine", "--epochs", "6", "--hidden", "8", "--repeats", "2", "--threads", "1")
ENDLESS = PRESET.replace("episodes = 8", "episodes = 1_000_000")
STUDY = """
name = "mine"
seeds = 2
methods = ["none", "tracking"]
diagnosed_seeds = 0
[[tasks]]
data = "wine"
train_size = 20
val_size = 20
hidden = [8]
epochs = 5
"""


def wait_until(happened, process):
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)


# ---------------------------------------------------------------- places that cannot be written to


@pytest.mark.parametrize("place", ["taken", "taken/deep"])
def test_checkpoints_that_cannot_be_kept_are_refused_before_training(run, place, monkeypatch):
    Path("taken").write_text("kept")
    monkeypatch.setattr("rlflood.experiments.compare", lambda *_: pytest.fail("nothing may be trained"))
    status, shown, error = run("rollout", "none", *WINE, "--against", "", "--checkpoints", place)
    assert status == 2 and shown == ""
    assert f"--checkpoints {place}" in in_words(error) and "Traceback" not in error
    assert Path("taken").read_text() == "kept"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--json", "out.png", "--plot", "out.png"), "--json and --plot cannot both have"),
        (("--json", "out", "--checkpoints", "out/runs"), "--json and --checkpoints cannot both have"),
        (("--json", "my.npz"), "--json my.npz would replace what is read from it"),
    ],
)
def test_results_that_would_replace_each_other_or_what_is_read(run, options, message):
    pytest.importorskip("matplotlib")
    np.savez("my.npz", x=np.random.default_rng(0).normal(size=(90, 4)), y=np.arange(90) % 3)
    before = Path("my.npz").read_bytes()
    status, shown, error = run("rollout", "none", *WINE, "--data", "my.npz", *options)
    assert status == 2 and shown == "" and message in in_words(error)
    assert [path.name for path in Path().iterdir()] == ["my.npz"]
    assert Path("my.npz").read_bytes() == before


def test_a_file_that_cannot_be_written_in_the_middle_loses_no_method(run, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    real = GridSearch.run

    def in_the_way(*arguments):
        Path("new/out.json").unlink()
        Path("new").rmdir()
        Path("new").write_text("a file where the folder was")
        return real(*arguments)

    monkeypatch.setattr(GridSearch, "run", in_the_way)
    status, shown, error = run(
        "rollout", "none", *WINE, "--against", "grid,tracking", "--json", "new/out.json"
    )
    assert status == 2 and "Traceback" not in error
    for method in ("none", "grid", "tracking"):
        assert has_row(shown, method)
    warning, message = filter(None, error.splitlines())
    assert warning.startswith("warning: new/out.json cannot be written (")
    assert message.startswith("error: --json new/out.json cannot be written (")
    elsewhere = Path(message.split(" is in ")[1].removesuffix(" instead"))
    records = json.loads(elsewhere.read_text())["records"]
    assert [record["method"] for record in records] == ["none", "grid", "tracking"]


def test_a_method_that_fails_does_not_take_those_before_it_along(run, monkeypatch):
    def fail(*_):
        raise InputError("the checkpoint of the grid is damaged")

    monkeypatch.setattr(GridSearch, "run", fail)
    status, shown, error = run("rollout", "none", *WINE, "--against", "grid", "--json", "out.json")
    assert status == 2 and "is damaged" in error and has_row(shown, "none")
    assert len(json.loads(Path("out.json").read_text())["records"]) == 1


def test_checkpoints_on_a_full_disk_are_one_warning(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlflood.experiments.runs.checkpoints.INTERVAL", 0.0)
    monkeypatch.setattr(os, "fsync", full)
    status, shown, error = run("rollout", "none", *WINE, "--against", "grid", "--checkpoints", "kept")
    assert status == 0 and has_row(shown, "none") and has_row(shown, "grid")
    assert error.startswith("warning: kept/") and "No space left on device" in error
    assert len(error.strip().splitlines()) == 1


def test_a_report_that_cannot_be_written_is_told_at_once(run):
    pytest.importorskip("matplotlib")
    Path("mine.toml").write_text(STUDY)
    assert run("benchmark", "mine.toml", "--out", "out", "--cores", 1)[0] == 0
    Path("out/tables").write_text("in the way")
    Path("out/export").write_text("in the way")
    status, _, error = run("report", "out")
    assert status == 2 and "the tables out/tables is a file" in in_words(error)
    assert not Path("out/report.html").exists()
    status, _, error = run("export", "out")
    assert status == 2 and "the export out/export is a file" in in_words(error)


def test_an_ensemble_does_not_replace_its_members(run):
    shipped = ROOT / "rlflood/control/controllers/a2c.safetensors"
    Path("a.safetensors").write_bytes(shipped.read_bytes())
    status, _, error = run("ensemble", "a.safetensors", "a.safetensors", "--out", "a.safetensors")
    assert status == 2 and "--out a.safetensors would replace what is read from it" in in_words(error)
    assert Controller.load(Path("a.safetensors")).provenance["algorithm"] == "a2c"


# ---------------------------------------------------------------- a first attempt that failed


def test_a_study_that_cannot_run_leaves_its_folder_free(run):
    Path("mine.toml").write_text(STUDY.replace("train_size = 20", "train_size = 200"))
    status, _, error = run("benchmark", "mine.toml", "--out", "out", "--cores", 1)
    assert status == 2 and "make the splits smaller" in in_words(error)
    assert not Path("out").exists()
    Path("mine.toml").write_text(STUDY)
    assert run("benchmark", "mine.toml", "--out", "out", "--cores", 1)[0] == 0


def test_a_study_that_was_stopped_before_anything_was_done_makes_way(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    Path("mine.toml").write_text(STUDY)
    with monkeypatch.context() as patch:
        patch.setattr("rlflood.experiments.study.work._attempt", interrupted)
        assert run("benchmark", "mine.toml", "--out", "out", "--cores", 1)[0] == 130
    Path("mine.toml").write_text(STUDY.replace("epochs = 5", "epochs = 4").replace("seeds = 2", "seeds = 1"))
    status, _, error = run("benchmark", "mine.toml", "--out", "out", "--cores", 1)
    assert status == 0, error
    assert load_results(Path("out")).records["wine", "none"].levels.shape == (1, 4)
    Path("mine.toml").write_text(STUDY)
    status, _, error = run("benchmark", "mine.toml", "--out", "out", "--cores", 1)
    assert status == 2 and "another study" in in_words(error)


# ---------------------------------------------------------------- options that would say nothing

ROLLOUT = ("rollout", "none", *WINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ROLLOUT, "--against", "tracking", "--runs", 5), "--runs is for searches"),
        ((*ROLLOUT, "--against", "", "--highest-level", 1), "--highest-level is for searches"),
        ((*ROLLOUT, "--against", "grid:3", "--runs", 5), "--runs is for searches"),
        ((*ROLLOUT, "--against", "weight-decay", "--highest-level", 1), "--highest-level is for searches"),
        ((*ROLLOUT, "--target", "kind"), "is for files"),
        (("rollout", "tpe", *WINE, "--against", "", "--checkpoints", "kept"), "keeps nothing of tpe"),
        (("benchmark", "mine.toml", "--out", "out", "--runs", 5), "--runs is for searches"),
    ],
)
def test_options_that_change_nothing_are_refused(run, arguments, message):
    if "tpe" in arguments:
        pytest.importorskip("optuna")
    Path("mine.toml").write_text(STUDY)
    status, shown, error = run(*arguments)
    assert status == 2 and message in in_words(error)
    assert "±" not in shown and [path.name for path in Path().iterdir()] == ["mine.toml"]


@pytest.fixture
def images(monkeypatch):
    from rlflood.data import image_sets

    write_mnist(Path("data").absolute())
    monkeypatch.setenv("RLFLOOD_DATA", str(Path("data").absolute()))
    image_sets._read.cache_clear()
    return ("--data", "mnist", "--network", "cnn", "--epochs", 2, "--repeats", 1, "--threads", 1)


def test_hidden_layers_are_for_perceptrons_even_if_they_are_the_usual_ones(run, images):
    status, _, error = run("rollout", "none", *images, "--against", "", "--hidden", "100,100,100")
    assert status == 2 and "--hidden is for the network mlp, not for cnn" in in_words(error)


def test_a_regulariser_that_a_network_does_not_have(run, images):
    status, _, error = run("rollout", "none", *images, "--against", "dropout")
    assert status == 2 and "dropout is for the network mlp, not for cnn" in in_words(error)


def test_options_of_searches_are_taken_where_there_is_one(run):
    options = ("--against", "grid", "--runs", 2, "--highest-level", 1, "--json", "out.json")
    assert run("rollout", "none", *WINE, *options)[0] == 0
    assert json.loads(Path("out.json").read_text())["records"][1]["search"]["values"] == [[0, 1]] * 2
    assert run("rollout", "none", *WINE, "--against", "grid:3", "--highest-level", 1)[0] == 0


def test_methods_that_keep_no_checkpoints_are_named(run):
    pytest.importorskip("optuna")
    arguments = ("--against", "tpe", "--runs", 2, "--checkpoints", "kept")
    status, _, error = run("rollout", "none", *WINE, *arguments)
    assert status == 0 and "warning: --checkpoints keeps nothing of tpe" in error


# ---------------------------------------------------------------- signals

# of data that are made: a process takes seconds to import scikit-learn for others


def test_a_rollout_that_sigterm_ends_shows_what_is_done():
    process = started(
        "rollout", "none", "--data", "two-gaussians", "--test-size", 40, "--epochs", 400, "--hidden", 8,
        "--repeats", 1, "--threads", 1, "--against", "grid:10000", "--json", "out.json",
    )  # fmt: skip
    wait_until(Path("out.json").exists, process)
    process.send_signal(signal.SIGTERM)
    shown, error = process.communicate()
    assert process.returncode == 143, error
    assert has_row(shown, "none") and "what was done is shown and written" in error
    assert "Traceback" not in error
    assert len(json.loads(Path("out.json").read_text())["records"]) == 1
    assert [path.name for path in Path().iterdir()] == ["out.json"]


def test_a_training_that_is_ended_by_sigterm_goes_on(run):
    Path("small.toml").write_text(ENDLESS)
    process = started("train", "--preset", "small.toml", "--out", "run", "--threads", 1)
    wait_until(Path("run/checkpoint.zip").exists, process)  # the first one comes after seconds
    process.send_signal(signal.SIGTERM)
    shown, error = process.communicate()
    assert process.returncode == 143
    assert re.search(r"stopped after \d+ s; go on with --resume: ", shown) and "Traceback" not in error
    file = Path("run/controller.safetensors")
    episodes = Controller.load(file).provenance["episodes"]
    status, shown, error = run(
        "train", "--out", "run", "--resume", "--episodes", episodes + 4, "--threads", 1
    )
    assert status == 0, error
    assert Controller.load(file).provenance["episodes"] == episodes + 4


def test_a_study_that_is_ended_by_sigterm_keeps_its_units_and_ends_its_processes():
    Path("mine.toml").write_text(
        STUDY.replace("epochs = 5", "epochs = [5, 1_000_000]")
        .replace("seeds = 2", "seeds = 1")
        .replace("wine", "two-gaussians")
    )
    process = started("benchmark", "mine.toml", "--out", "out", "--cores", 2)
    out = Path("out")
    wait_until(lambda: Store.exists(out) and len(Store(out).units()) == 2, process)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate()  # the pipes are closed when the last process of the study has ended
    assert process.returncode == 143
    assert "what was done is kept" in error and "Traceback" not in error
    assert len(Store(out).units()) == 2 and not somebody_at_work(out)
    assert not list(out.glob("**/.*.pt.*"))


def test_a_second_signal_ends_a_training_at_once():
    Path("small.toml").write_text(
        ENDLESS.replace("epochs = 4", "epochs = 10_000_000").replace("decisions = 2", "decisions = 1")
    )
    process = started("train", "--preset", "small.toml", "--out", "run", "--threads", 1)
    wait_until(Path("run/tensorboard").exists if _has_tensorboard() else Path("run").exists, process)
    # the first one asks for the end of an iteration that takes hours
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    assert process.returncode in (143, -signal.SIGTERM)
    assert "Traceback" not in process.communicate()[1]


def _has_tensorboard():
    import importlib.util

    return importlib.util.find_spec("tensorboard") is not None
