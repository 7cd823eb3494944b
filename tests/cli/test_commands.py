"""The commands as a person runs them: what they show and write, and what they say of bad input."""

import json
import re
import signal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from rlflood import __version__, agents
from rlflood.control import Controller, ControlSpec, LevelSet, shipped
from rlflood.data import image_sets
from rlflood.experiments import load_results
from rlflood.experiments.methods import GridSearch
from rlflood.experiments.study import demo
from tests.cli.processes import PRESET, has_row, in_a_process, in_words, started
from tests.image_archives import write_cifar, write_mnist

QUICK = ("--epochs", "6", "--hidden", "8", "--repeats", "2")


def csv(folder, *, rows=60, change=None):
    """A table of two features and two kinds, with one line changed."""
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal(i % 2):.3f},{rng.normal():.3f},{'ab'[i % 2]}" for i in range(rows)]
    if change:
        lines[7] = change
    path = folder / "my.csv"
    path.write_text("\n".join(["one,two,kind", *lines]) + "\n")
    return path


def npz(folder):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    path = folder / "my.npz"
    np.savez(path, x=rng.normal(size=(90, 4)) + y[:, None], y=y)
    return path


def controller(folder, *, levels=(0.0, 0.2, 0.4)):
    layer = (np.zeros((3, 4), np.float32), np.array([0, 0, 1], np.float32))
    path = folder / "mine.safetensors"
    Controller(ControlSpec("metrics", LevelSet((0.0, 0.2, 0.4)), decisions=3), [layer]).save(path)
    if len(levels) != 3:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        header = {**json.loads(metadata["controller"]), "levels": levels}
        tensors = {"layers.0.weight": layer[0], "layers.0.bias": layer[1]}
        path.write_bytes(save_tensors(tensors, metadata={**metadata, "controller": json.dumps(header)}))
    return path


def preset(folder, change=("", "")):
    path = folder / "small.toml"
    path.write_text(PRESET.replace(*change))
    return path


@pytest.fixture
def drawn_quickly(monkeypatch):
    """Half of the time goes into rendering, which the tests of the figures look at."""
    if find_spec("matplotlib") is not None:
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **_: file.write(b"drawn"))


# ---------------------------------------------------------------- what goes well


def test_a_rollout_on_a_table_of_ones_own_with_json_and_plot(run, tmp_path):
    pytest.importorskip("matplotlib")
    out, plot = tmp_path / "new" / "out.json", tmp_path / "out.png"
    status, shown, error = run(
        "rollout", controller(tmp_path), "--data", csv(tmp_path), "--target", "kind", "--label-noise", 0.1,
        "--against", "none,grid", "--runs", 3, "--highest-level", 0.4, "--json", out, "--plot", plot,
        "--seed", 5, *QUICK,
    )  # fmt: skip
    assert status == 0, error
    assert max(map(len, shown.splitlines())) <= 80
    for text in ("my.csv", "10 %", "mine", "none", "grid", "±"):
        assert text in shown
    content = json.loads(out.read_text())
    assert content["task"]["target"] == "kind" and content["task"]["train_size"] == 20
    assert [record["method"] for record in content["records"]] == ["mine", "none", "grid"]
    assert [record["epochs_spent"] for record in content["records"]] == [[6] * 2, [6] * 2, [18] * 2]
    assert content["records"][0]["levels"] == [[0.4] * 6] * 2
    assert content["records"][2]["search"]["values"] == [[0, 0.2, 0.4]] * 2
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_rollout_says_the_sizes_that_it_chose_and_is_the_same_every_time(run, tmp_path):
    arguments = ("rollout", "tracking", "--data", npz(tmp_path), "--against", "none,adaptive", *QUICK)
    status, shown, _ = run(*arguments, "--json", "a.json")
    assert status == 0
    assert "30 training, 30 validation and 30 test" in in_words(shown)
    assert run(*arguments, "--json", "b.json")[0] == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_a_rollout_of_a_convolutional_network(run, tmp_path, monkeypatch):
    write_mnist(tmp_path / "data")
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path / "data"))
    image_sets._read.cache_clear()
    arguments = ("--data", "mnist", "--network", "cnn", "--epochs", 3, "--repeats", 1, "--threads", 1)
    options = ("--batch-size", 40, "--lr-milestones", "never", "--augmentation", "none")
    status, shown, error = run("rollout", "tracking", *arguments, "--against", "none", *options)
    assert status == 0, error
    words = in_words(shown)
    # a fifth of the official training part for validation, and the whole official test set
    assert "160 training, 40 validation and 60 test samples" in words
    assert "network cnn, sgd 0.1, batches of 40, 3 epochs" in words
    assert "tracking" in words and "none" in words


def test_the_shipped_controller_on_cifar_with_a_resnet_of_44_layers(run, tmp_path, monkeypatch):
    write_cifar(tmp_path / "data", monkeypatch, train=50, test=20)
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path / "data"))
    image_sets._read.cache_clear()
    arguments = ("--data", "cifar10", "--network", "resnet44", "--epochs", 2, "--repeats", 1, "--threads", 1)
    status, shown, error = run("rollout", "default", *arguments, "--against", "", "--checkpoints", "kept")
    assert status == 0, error
    words = in_words(shown)
    assert "cifar10: 10 classes, 3072 features" in words and "40 training, 10 validation and 20 test" in words
    assert "network resnet44, sgd 0.1 x 0.1 after 50 % and 80 %, crop-flip, batches of 128, 2 epochs" in words


def test_accuracy_against_noisy_labels_and_a_single_repeat(run):
    arguments = ("rollout", "none", "--data", "two-gaussians", "--test-size", 400, "--label-noise", 0.4)
    clean, noisy = (
        run(*arguments, *QUICK, "--repeats", 1, "--against", "none", *more)
        for more in ((), ("--noisy-test",))
    )
    assert clean[0] == noisy[0] == 0
    assert "clean" in clean[1] and "noisy" in noisy[1]
    row = [line for line in clean[1].splitlines() if "none" in line and "±" not in line]
    assert row, "a single repeat has no interval"


def test_a_controller_from_training_to_rollout(run, tmp_path):
    folder = tmp_path / "run"
    status, shown, error = run("train", "--preset", preset(tmp_path), "--out", folder)
    assert status == 0, error
    assert "controller.safetensors" in shown
    file = folder / "controller.safetensors"
    assert Controller.load(file).spec.decisions == 2
    before = file.read_bytes()
    status, _, error = run("train", "--out", folder, "--resume", "--episodes", 16)
    assert status == 0, error
    assert file.read_bytes() != before
    status, shown, error = run("rollout", file, "--data", "wine", "--against", "none", *QUICK)
    assert status == 0, error
    assert "controller" in shown


@pytest.fixture
def default(tmp_path, monkeypatch):
    """A controller that is shipped: its file."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    file = controller(folder).rename(folder / "default.safetensors")
    made = Controller.load(file)
    provenance = {"algorithm": "ppo", "episodes": 12345}
    Controller(made.spec, made.layers, provenance=provenance).save(file)
    (folder / "default.md").write_text("# For the tests\n\nIt floods at 0.4.\n")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return file


def test_a_rollout_of_a_controller_for_a_criterion_trains_with_it_and_says_so(run, tmp_path):
    spec = ControlSpec("metrics", LevelSet((0.0, 0.2)), decisions=3, criterion="elr", strengths=(1.0, 3.0))
    file = tmp_path / "robust.safetensors"
    Controller(spec, [(np.zeros((4, 5), np.float32), np.arange(4, dtype=np.float32))]).save(file)
    options = ("--data", "two-gaussians", "--against", "with:elr:constant:0.2", *QUICK, "--json", "out.json")
    status, shown, error = run("rollout", file, *options)
    assert status == 0, error
    assert "robust trains with elr, whose strength it sets" in in_words(shown)
    # always the level 0.2 and the strength 3, the paper's: the same runs
    ours, theirs = json.loads(Path("out.json").read_text())["records"]
    assert ours["levels"] == theirs["levels"] and ours["val_loss"] == theirs["val_loss"]


def test_a_rollout_of_a_shipped_controller_by_its_name(run, tmp_path, default):
    arguments = ("--data", csv(tmp_path, rows=180), "--target", "kind", "--against", "none")
    status, shown, error = run("rollout", "default", *arguments, *QUICK, "--json", "out.json")
    assert status == 0 and "warning" not in error
    assert "default" in shown
    records = json.loads(Path("out.json").read_text())["records"]
    assert records[0]["method"] == "default" and records[0]["levels"] == [[0.4] * 6] * 2


@pytest.mark.parametrize("method", ["default", "best-of:2:default"])
def test_a_controller_on_few_validation_samples_is_warned_of_in_one_line(run, default, method):
    arguments = ("--data", "wine", "--against", "none", *QUICK)
    status, shown, error = run("rollout", method, *arguments, "--val-size", 49)
    assert status == 0 and "±" in shown
    (line,) = error.strip().splitlines()
    assert "warning" in line and "50 validation samples and more" in line and "there are 49" in line
    assert "warning" not in run("rollout", method, *arguments, "--val-size", 50)[2]
    assert "warning" not in run("rollout", "tracking", *arguments, "--val-size", 49)[2]


def test_the_shipped_controllers_and_their_cards(run, default):
    status, shown, _ = run("list", "controllers")
    assert status == 0
    for text in ("default", "ppo", "12,345", "For the tests"):
        assert text in in_words(shown)
    assert "default.safetensors" in "".join(in_words(shown).split())
    status, shown, _ = run("card", "default")
    assert status == 0 and "It floods at 0.4." in shown
    status, shown, error = run("card", "nothing")
    assert status == 2 and shown == "" and "use one of default" in in_words(error)


@pytest.fixture
def small_demo(run, monkeypatch, tmp_path, default):
    """Runs the tour with less of everything."""
    small = agents.load_preset(str(preset(tmp_path)))
    monkeypatch.setattr(agents, "load_preset", lambda *_, **__: small)
    task = {"hidden": [8], "epochs": 4, "label_noise": 0.2}
    monkeypatch.setattr(demo, "_TASK", task)
    monkeypatch.setattr(demo, "_SIZES", {"wine": {"train_size": 30, "val_size": 50}})
    monkeypatch.setattr(demo, "REPEATS", 2)
    return lambda *more: run("demo", "--out", "tour", "--threads", 1, *more)


def in_order(text, *parts):
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def below_the_headings(shown):
    return re.split(r" epochs(?: ┃)?\n", shown, maxsplit=1)[1]


def test_the_demo_shows_the_shipped_controller_then_trains_another_beside_it(small_demo):
    status, shown, error = small_demo()
    assert status == 0, error
    first, second = shown.split("2. Training another")
    methods = [method for method in demo.METHODS if method != "default"]
    assert in_order(below_the_headings(first), "default", *methods)
    assert not has_row(first, "controller")
    assert in_order(below_the_headings(second), "default", "controller", *methods)
    results = load_results(Path("tour"))
    assert results.finished
    assert [method.name for method in results.methods] == ["default", "controller", *methods]
    assert results.records["wine", "default"].levels.tolist() == [[0.4] * 4] * 2
    pytest.importorskip("matplotlib")
    assert Path("tour/wine.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("drawn_quickly")
def test_the_demo_goes_on_where_it_was_stopped(small_demo, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rlflood.cli.demo.train_controller", interrupted)
        status, shown, error = small_demo()
    assert status == 130 and "the same command goes on" in error and "Traceback" not in error
    assert has_row(shown, "default") and not Path("tour/controller.safetensors").exists()

    ran = []
    run = GridSearch.run
    with monkeypatch.context() as patch:
        patch.setattr(GridSearch, "run", lambda *given: ran.append(1) or run(*given))
        assert small_demo()[0] == 0
        status, shown, _ = small_demo()
    assert not ran, "what was done before the stop is not done again"
    assert status == 0 and "1. One run" not in shown and has_row(shown, "controller")


@pytest.mark.usefixtures("drawn_quickly")
def test_the_demo_in_the_folder_of_another_seed(small_demo, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GridSearch, "run", interrupted)
        assert small_demo()[0] == 130
    assert load_results(Path("tour")).records
    status, _, error = small_demo("--seed", 1)
    assert status == 2 and "seed is 0 there, not 1" in in_words(error)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("datasets", "breast-cancer"),
        ("environments", "rlflood/TwoGaussians-v0"),
        ("methods", "tracking"),
        ("presets", "demo"),
        ("protocols", "cifar10-augmented"),
        ("studies", "paper-table-2"),
        ("controllers", "what for"),
    ],
)
def test_lists(run, topic, expected):
    status, shown, _ = run("list", topic)
    assert status == 0 and expected in shown
    assert expected in run("list")[1]


def test_a_list_in_a_pipe_has_80_columns_and_no_colours(run):
    status, shown, _ = run("list")
    assert status == 0
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def test_the_version(run):
    status, shown, _ = run("--version")
    assert status == 0 and __version__ in shown


@pytest.mark.parametrize(
    "command", ["train", "rollout", "demo", "benchmark", "report", "export", "list", "card"]
)
def test_each_command_has_help_with_an_example(run, command):
    status, shown, _ = run(command, "--help")
    assert status == 0
    assert "Example" in shown and f"rlflood {command}" in shown


# ---------------------------------------------------------------- studies

STUDY = """
name = "mine"
seeds = 2
methods = ["none", "grid", "tracking"]
runs = 2
[[tasks]]
data = "wine"
label_noise = 0.2
train_size = 20
val_size = 20
hidden = [8]
epochs = 5
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "mine.toml").write_text(STUDY)
    return "mine.toml"


@pytest.mark.usefixtures("drawn_quickly")
def test_a_study_its_report_and_its_export(run, study):
    for package in ("jinja2", "matplotlib", "plotly", "pyarrow"):
        pytest.importorskip(package)
    status, shown, error = run("benchmark", study, "--out", "out", "--also", "constant:0.1", "--cores", 1)
    assert status == 0, error
    assert "rlflood report out" in in_words(shown) and "100%, 0:00:00 left" in error
    status, shown, error = run("report", "out")
    assert status == 0, error
    for name in ("none", "grid", "tracking", "constant:0.1"):
        assert name in shown
    assert "1 task, 2 repeats" in in_words(shown)
    assert Path("out/report.html").read_text().startswith("<!doctype html>")
    assert {path.suffix for path in Path("out/figures").iterdir()} == {".png", ".svg"}
    assert {path.suffix for path in Path("out/tables").iterdir()} == {".md", ".tex"}
    status, shown, error = run("export", "out")
    assert status == 0, error
    assert len(Path("out/export/runs.csv").read_text().splitlines()) == 1 + 4 * 2
    assert "runs.parquet" in shown


def test_a_study_goes_on_without_its_name(run, study, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GridSearch, "run", interrupted)
        status, _, error = run("benchmark", study, "--out", "out", "--cores", 1)
    assert status == 130 and "go on with `rlflood benchmark --out out`" in in_words(error)
    assert "Traceback" not in error
    status, _, error = run("benchmark", "--out", "out", "--cores", 1)
    assert status == 0, error
    assert run("benchmark", study, "--out", "out", "--cores", 1)[0] == 0  # nothing is left to do


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("benchmark", "quik", "--out", "new"), "unknown study 'quik'"),
        (("benchmark", "absent.toml", "--out", "new"), "cannot be read"),
        (("benchmark", "mine.toml", "--out", "new", "--also", "gird"), "did you mean grid?"),
        (("benchmark", "mine.toml", "--out", "new", "--also", "absent.safetensors"), "no controller file"),
        (("benchmark", "mine.toml", "--out", "new", "--device", "abacus"), "abacus"),
        (("benchmark", "mine.toml", "--out", "new", "--precision", "float8"), "float8"),
        (("benchmark", "--out", "new"), "there is no study in new"),
        (("benchmark", "--out", "new", "--seeds", 3), "name it"),
        (("benchmark", "mine.toml", "--out", "mine.toml"), "mine.toml"),
        (("report", "new"), "there is no study in new"),
        (("export", "new"), "there is no study in new"),
    ],
)
def test_bad_input_to_studies(run, study, arguments, message):
    status, _, error = run(*arguments)
    assert message in in_words(error)
    assert status == 2 and "Traceback" not in error
    assert [path.name for path in Path().iterdir()] == ["mine.toml"]


def test_a_report_of_a_study_that_has_not_begun(run, study, monkeypatch):
    monkeypatch.setattr("rlflood.experiments.study.work.run_study", lambda *_, **__: None)
    assert run("benchmark", study, "--out", "out")[0] == 0
    for command in ("report", "export"):
        status, _, error = run(command, "out")
        assert status == 2 and "Traceback" not in error and "yet" in in_words(error)


# ---------------------------------------------------------------- Ctrl-C


def test_ctrl_c_keeps_the_methods_that_are_done(run, monkeypatch):
    def interrupted(*_):
        # a killed process says nothing more: what is done must be there already
        assert len(json.loads(Path("out.json").read_text())["records"]) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(GridSearch, "run", interrupted)
    arguments = ("rollout", "none", "--data", "wine", "--against", "tracking,grid,adaptive", *QUICK)
    status, shown, error = run(*arguments, "--json", "out.json")
    assert status == 130
    assert len(error.strip().splitlines()) == 1 and "Traceback" not in error
    assert "none" in shown and "tracking" in shown
    done = [record["method"] for record in json.loads(Path("out.json").read_text())["records"]]
    assert done == ["none", "tracking"]


def test_ctrl_c_in_the_first_method_ends_with_one_line_and_no_files(tmp_path):
    process = started(
        "rollout", "none", "--data", "two-gaussians", "--epochs", 10**7, "--hidden", 8,
        "--json", tmp_path / "out.json",
    )  # fmt: skip
    assert "two-gaussians" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in error and len(error.strip().splitlines()) <= 1
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- bad input

TABLE = ("--data", "my.csv", "--target", "kind")
WINE = ("--data", "wine")


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ("nan,0.5,a", TABLE, "'nan' in row 8 (line 9), column 'one'"),
        ("0.5,,a", TABLE, "empty cell in row 8"),
        ("0.5,red,a", TABLE, "the text 'red' in row 8 (line 9), column 'two'"),
        (None, ("--data", "my.csv", "--target", "sort"), "no column 'sort'"),
        (None, ("--data", "my.csv"), "name the target column with --target"),
        (None, ("--data", "absent.csv"), "absent.csv does not exist"),
        (None, ("--data", "wines"), "Did you mean wine"),
        (None, ("--data", "my.txt"), "There is no data set called 'my.txt'"),
        (None, (*TABLE, "--train-size", 50, "--val-size", 20), "make the splits smaller"),
        (None, ("--data", "digits", "--val-size", 4), "val_size is 4, too small"),
        (None, (*WINE, "--target", "kind"), "A target column"),
        (
            None,
            (*WINE, "--label-noise", 20),
            "label_noise: Input should be less than 1 (given: 20.0; a share: 20 % is 0.2)",
        ),
        (None, (*WINE, "--noisy-test"), "--noisy-test is for test labels with the noise of --label-noise"),
        (None, (*WINE, "--epochs", 0), "epochs"),
        (None, (*WINE, "--batch-size", 0), "batch_size"),
        (None, (*WINE, "--optimizer", "lion"), "adam"),
        (None, (*WINE, "--learning-rate", -1), "learning_rate"),
        (None, (*WINE, "--hidden", "10,x"), "100,100"),
        (None, (*WINE, "--repeats", 0), "repeats"),
        (None, (*WINE, "--seed", -1), "seed"),
        (None, (*WINE, "--device", "abacus"), "abacus"),
        (None, (*WINE, "--precision", "float8"), "float8"),
        (None, (*WINE, "--against", "gird"), "did you mean grid?"),
        (None, (*WINE, "--against", "constant"), "constant:0.1"),
        (None, (*WINE, "--against", "grid", "--runs", 1), "at least 2 runs"),
        (None, (*WINE, "--against", "grid", "--highest-level", "nan"), "highest level"),
        (None, (*WINE, "--network", "resnet43"), "resnet44"),
        (None, (*WINE, "--network", "cnn", "--hidden", "100,100,100"), "wine has no images: cnn needs some"),
        (None, (*WINE, "--augmentation", "crop"), "augmentation are for networks of images"),
        (None, (*WINE, "--lr-milestones", "0.8,0.5"), "lr_milestones must rise"),
        (None, (*WINE, "--lr-milestones", "half"), "0.5,0.8"),
        (None, (*WINE, "--precision", "float16"), "float16 is for networks of images"),
        (None, (*WINE, "--precision", "tf32"), "tf32 is a format of NVIDIA's GPUs"),
        (None, (), "give the data, such as --data digits, or a protocol"),
        (None, ("--protocol", "cifar11"), "did you mean cifar10"),
        (None, (*WINE, "--plot", "out.gif"), ".svg"),
        (None, (*WINE, "--plot", "my.csv/out.png"), "cannot be written"),
        (None, (*WINE, "--json", "."), "is a folder"),
        (None, WINE[:1], "argument"),
        (None, (*WINE, "--frobnicate"), "--frobnicate"),
    ],
)
def test_bad_input_to_rollout(run, tmp_path, change, arguments, message):
    csv(tmp_path, change=change)
    options = ("--json", tmp_path / "out.json") if "--json" not in arguments else ()
    status, shown, error = run("rollout", "none", *QUICK, *options, *arguments)
    assert message in in_words(error)
    assert status == 2
    assert "Traceback" not in error and "±" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["my.csv"]


def test_a_table_of_one_class_only(run, tmp_path):
    (tmp_path / "my.csv").write_text("one,label\n" + "1,a\n2,a\n" * 20)
    status, _, error = run("rollout", "none", "--data", "my.csv", *QUICK)
    assert status == 2 and "at least two classes" in in_words(error)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.full((30, 2), np.nan), "y": np.arange(30) % 2}, "nan in row 1, column 1"),
        ({"x": np.ones((30, 2))}, "no array y"),
        ({"x": np.array([["a", "b"]] * 30, object), "y": np.arange(30) % 2}, "pickled"),
    ],
)
def test_arrays_that_cannot_be_learned_from(run, arrays, message):
    np.savez("my.npz", **arrays)
    status, _, error = run("rollout", "none", "--data", "my.npz", *QUICK)
    assert status == 2 and message in in_words(error)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-7]), "damaged"),
        (lambda file: file.write_bytes(b"no controller"), "damaged"),
        (
            lambda file: controller(file.parent, levels=(0.0, 0.1, 0.2, 0.3)),
            "3 actions, its level set 4 levels",
        ),
        (lambda file: file.unlink(), "no controller file"),
    ],
)
def test_controllers_that_cannot_be_used(run, tmp_path, make, message):
    file = controller(tmp_path)
    make(file)
    status, _, error = run("rollout", file, *WINE, *QUICK, "--json", "out.json")
    assert status == 2 and message in in_words(error)
    assert not Path("out.json").exists()


def test_bad_input_in_a_process_of_its_own_is_one_message(tmp_path):
    blocked = csv(tmp_path) / "out.json"
    status, shown, error = in_a_process("rollout", "none", *WINE, *QUICK, "--json", blocked)
    assert status == 2 and shown == ""
    assert "cannot be written" in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("", ""), ("--preset", "ppoo"), "unknown preset 'ppoo'"),
        (("", ""), ("--preset", "absent.toml"), "cannot be read"),
        (('"ppo"', '"dqn"'), ("--preset", "small.toml"), "algorithm"),
        (('levels = "relative"', 'levels = "nope"'), ("--preset", "small.toml"), "unknown level set 'nope'"),
        (
            ("groups = 2", "grops = 2"),
            ("--preset", "small.toml"),
            "groups: Field required; grops: no such key",
        ),
        (("groups = 2", "groups ="), ("--preset", "small.toml"), "not valid TOML"),
        (("", ""), ("--preset", "small.toml", "--device", "abacus"), "abacus"),
        (("", ""), ("--preset", "small.toml", "--precision", "float8"), "float8"),
        (("", ""), ("--preset", "small.toml", "--episodes", 0), "episodes"),
        (("", ""), ("--preset", "small.toml", "--seed", -1), "seed"),
        (("", ""), ("--resume",), "run"),
        (("", ""), ("--preset", "small.toml", "--out", "small.toml/run"), "small.toml"),
    ],
)
def test_bad_input_to_train(run, tmp_path, change, arguments, message):
    preset(tmp_path, change)
    out = () if "--out" in arguments else ("--out", "run")
    status, _, error = run("train", *out, *arguments)
    assert message in in_words(error)
    assert status == 2
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_bad_input_to_the_demo_and_to_list(run, tmp_path, default):
    csv(tmp_path)
    status, _, error = run("demo", "--out", "my.csv/tour")
    assert status == 2 and "my.csv" in in_words(error)
    status, _, error = run("list", "nonsense")
    assert status == 2 and "nonsense" in in_words(error) and "datasets" in in_words(error)
