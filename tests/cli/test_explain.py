"""`rlflood explain` as a person runs it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.experiments import explain
from tests.cli.processes import in_words

pytest.importorskip("matplotlib")

QUICK = ("--runs", 2, "--epochs", 6, "--hidden", "8", "--train-size", 20, "--val-size", 20)
FIGURES = [f"{name}.{kind}" for name in explain.FIGURES for kind in ("png", "svg")]


@pytest.fixture
def run(run):
    """Run `rlflood explain` in this process: its exit status, stdout and stderr."""
    return lambda *arguments: run("explain", *arguments)


@pytest.fixture
def controller(tmp_path):
    """Chooses by train accuracy, and by nothing else."""
    weight = np.zeros((3, len(FEATURES["extended"])), np.float32)
    weight[1:, FEATURES["extended"].index("train accuracy")] = 4, 10
    spec = ControlSpec("extended", LevelSet((0.0, 0.5, 0.9), "relative"), decisions=3)
    file = tmp_path / "mine.safetensors"
    Controller(spec, [(weight, np.array([0, -1, -5], np.float32))]).save(file)
    return file


@pytest.fixture
def drawn_quickly(monkeypatch):
    """Figures cost seconds; here they are their names and the first run's losses."""

    def quick(name, rollouts, found, surface):
        for figure in FIGURES:
            yield figure, f"{name} {figure} {rollouts.val_loss[0]}".encode()

    monkeypatch.setattr(explain, "explain_figures", quick)


def test_figures_and_tables_of_fresh_tasks(run, controller):
    status, shown, error = run(controller, "--label-noise", "0.2", *QUICK)
    assert status == 0, error
    files = {path.name: path.read_bytes() for path in Path("explain/mine").iterdir()}
    assert sorted(files) == FIGURES
    assert all(files[name].startswith(b"\x89PNG" if "png" in name else b"<?xml") for name in FIGURES)
    assert max(map(len, shown.splitlines())) <= 80
    words = in_words(shown)
    assert "mine: 2 tasks of the default mixture" in words and "at 20 % label noise" in words
    assert "train accuracy" in words and "validation accuracy" not in words
    assert "figures: explain/mine" in words


def test_a_data_set_of_ones_own_and_the_same_each_time(run, controller, drawn_quickly):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    np.savez("my.npz", x=rng.normal(size=(90, 4)) + y[:, None], y=y)
    arguments = (controller, "--data", "my.npz", "--label-noise", "0.3,0,0.3", *QUICK)
    shown = {}
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        status, shown[out], error = run(*arguments, "--seed", seed, "--out", out)
        assert status == 0, error
        assert "2 draws from my.npz, each at 0 and 30 % label noise" in in_words(shown[out])
    assert shown["a"].replace("figures: a", "figures: b") == shown["b"]
    for name in FIGURES:
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes() != Path("c", name).read_bytes()


def test_ctrl_c_leaves_the_figures_that_are_there(run, controller, drawn_quickly, monkeypatch):
    assert run(controller, *QUICK)[0] == 0
    before = {path: path.read_bytes() for path in Path("explain/mine").iterdir()}

    def interrupted(*_):
        yield "plane.png", b"half of the figures"
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "explain_figures", interrupted)
    status, _, error = run(controller, *QUICK, "--seed", 1)
    assert status == 130 and "Traceback" not in error
    assert error.strip().splitlines()[-1] == "stopped; nothing was written"
    assert {path: path.read_bytes() for path in Path("explain/mine").iterdir()} == before


def test_figures_that_cannot_be_written_leave_the_tables(
    run, controller, drawn_quickly, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def in_the_way(*_):
        Path("explain").write_text("a file where the folder belongs")
        return [("plane.png", b"a figure")]

    monkeypatch.setattr(explain, "explain_figures", in_the_way)
    status, shown, error = run(controller, *QUICK)
    assert status == 2 and "train accuracy" in in_words(shown)
    assert "--out explain/mine/plane.png cannot be written" in in_words(error)
    elsewhere = Path(error.strip().split(" is in ")[1].removesuffix(" instead"))
    assert elsewhere.read_bytes() == b"a figure"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mine",), "there is no controller 'mine'"),
        (("absent.safetensors",), "no controller file absent.safetensors"),
        (("mine.safetensors", "--data", "wines"), "Did you mean wine"),
        (("mine.safetensors", "--data", "wine", "--train-size", 500), "make the splits smaller"),
        (("mine.safetensors", "--target", "kind"), "--data"),
        (("mine.safetensors", "--label-noise", "0,lots"), "0,0.2,0.4: got '0,lots'"),
        (("mine.safetensors", "--label-noise", "0,1"), "label_noise"),
        (("mine.safetensors", "--hidden", "10,x"), "whole numbers with commas between, such as 100,100"),
        (("mine.safetensors", "--runs", 1), "--runs"),
        (("mine.safetensors", "--epochs", 0), "epochs"),
        (("mine.safetensors", "--device", "abacus"), "abacus"),
        (("mine.safetensors", "--precision", "float8"), "float8"),
        (("mine.safetensors", "--out", "mine.safetensors"), "mine.safetensors"),
        ((), "controller"),
    ],
)
def test_bad_input(run, controller, arguments, message):
    status, shown, error = run(*arguments)
    assert status == 2 and message in in_words(error)
    assert "Traceback" not in error and "±" not in shown
    assert list(Path().iterdir()) == [Path("mine.safetensors")]


def test_without_matplotlib_the_extra_is_named(run, controller, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, _, error = run(controller)
    assert status == 2 and "rlflood[plot]" in in_words(error)


def test_help_has_examples(run):
    status, shown, _ = run("--help")
    assert status == 0 and "Examples" in shown and "rlflood explain default" in in_words(shown)


def test_a_controller_for_a_criterion_is_shown_with_its_strengths(run, tmp_path, monkeypatch):
    monkeypatch.setattr("rlflood.experiments.explain.figures.FILE_TYPES", ("svg",))  # all that is read here
    spec = ControlSpec(
        "metrics", LevelSet((0.0, 0.5)), decisions=3, returning=True, criterion="elr", strengths=(0.0, 3.0)
    )
    file = tmp_path / "robust.safetensors"
    layer = np.zeros((5, 5), np.float32), np.array([0, 0, 0, 1, 0], np.float32)  # level .5, strength 3
    Controller(spec, [layer]).save(file)
    status, shown, error = run(file, "--data", "two-gaussians", *QUICK)
    assert status == 0, error
    assert "(0.500), 3.0" in in_words(shown) and "The best weights were put back 0.0 times" in in_words(shown)
    assert "strengths that it sets" in Path("explain/robust/schedule.svg").read_text()
