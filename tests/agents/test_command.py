"""`rlflood train` and the algorithms."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from typer.testing import CliRunner, Result

from rlflood import InputError
from rlflood.cli.app import app
from rlflood.control import Controller
from rlflood.training import Task


@pytest.fixture
def preset(tiny: Any, tmp_path: Path) -> Path:
    own = {"algorithm", "hyperparameters"}
    values = tiny(episodes=8).model_dump(mode="json", exclude_none=True, exclude=own)
    file = tmp_path / "tiny.toml"
    file.write_text(tomli_w.dumps(values))
    return file


def train(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["train", "--threads", "1", *map(str, arguments)])


@pytest.mark.parametrize("algorithm", ["recurrent-ppo", "reinforce"])
def test_another_algorithm_than_the_presets(preset: Path, tmp_path: Path, algorithm: str) -> None:
    if algorithm == "recurrent-ppo":
        pytest.importorskip("sb3_contrib")
    done = train("--preset", preset, "--algo", algorithm, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    file = tmp_path / "run/controller.safetensors"
    assert Controller.load(file).provenance["algorithm"] == algorithm
    done = train("--out", tmp_path / "run", "--resume", "--episodes", 16)
    assert done.exit_code == 0, done.output
    assert Controller.load(file).provenance["episodes"] == 16
    assert Controller.load(file).provenance["algorithm"] == algorithm


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--algo", "dqn"), "unknown algorithm 'dqn'"),
        (("--resume", "--algo", "ppo"), "leave --algo out, leave --preset out"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(
    preset: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    failed = train("--preset", preset, "--out", tmp_path / "run", *arguments)
    assert isinstance(failed.exception, InputError)
    assert message in str(failed.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [("--preset", "demo"), ("--seed", "0"), ("--algo", "ppo")])
def test_what_a_training_has_from_its_beginning_is_not_given_again(
    preset: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    assert train("--preset", preset, "--out", tmp_path / "run").exit_code == 0
    before = (tmp_path / "run/checkpoint.zip").read_bytes()
    failed = train("--out", tmp_path / "run", "--resume", "--episodes", 16, *option)
    assert isinstance(failed.exception, InputError)
    assert f"leave {option[0]} out" in str(failed.exception)
    assert (tmp_path / "run/checkpoint.zip").read_bytes() == before


def test_fewer_episodes_than_were_learned_from_are_refused(preset: Path, tmp_path: Path) -> None:
    assert train("--preset", preset, "--episodes", 24, "--out", tmp_path / "run").exit_code == 0
    failed = train("--out", tmp_path / "run", "--resume", "--episodes", 16)
    assert isinstance(failed.exception, InputError)
    assert "24 episodes already, more than 16" in str(failed.exception)


def table(file: Path, seed: int) -> Path:
    """60 samples of two features and three classes: nothing but the sizes is the same whatever the seed."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation([0] * 30 + [1] * 20 + [2] * 10)
    rows = [
        f"{x:.4f},{y:.4f},{label}" for (x, y), label in zip(rng.normal(size=(60, 2)), labels, strict=True)
    ]
    file.write_text("\n".join(["x,y,kind", *rows]) + "\n")
    return file


def test_tasks_like_a_file_have_its_sizes_and_none_of_its_samples(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Task] = []
    split = Task.split

    def noted(task: Task, seed: int) -> Any:
        seen.append(task)
        return split(task, seed)

    monkeypatch.setattr(Task, "split", noted)
    found = []
    for name, seed in (("first", 1), ("second", 2)):
        folder = tmp_path / name
        folder.mkdir()
        data = table(folder / "mine.csv", seed)
        done = train(
            "--preset", preset, "--tasks", f"like:{data}", "--target", "kind", "--hidden", "5,4",
            "--epochs", "6", "--batch-size", "7", "--learning-rate", "0.02", "--out", folder / "run",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found.append(Controller.load(folder / "run/controller.safetensors"))
    assert "tasks like mine.csv: 3 classes, 2 features, 20 training and 20 validation samples" in done.output
    assert seen and not {task.data for task in seen} & {
        str(tmp_path / n / "mine.csv") for n in ("first", "second")
    }
    assert {(task.train_size, task.val_size, task.hidden, task.batch_size) for task in seen} == {
        (20, 20, (5, 4), 7)
    }
    like = found[0].provenance["preset"]["like"]
    assert like == {
        "data": "mine.csv", "samples": 60, "features": 2, "classes": 3, "imbalance": 3.0, "capped": [],
    }  # fmt: skip
    # data of the same sizes give the same controller: nothing else of them went into it
    first, second = (controller.fingerprint for controller in found)
    assert first == second
    done = train("--out", tmp_path / "first/run", "--resume", "--episodes", 16)
    assert done.exit_code == 0, done.output
    assert Controller.load(tmp_path / "first/run/controller.safetensors").provenance["preset"]["like"] == like


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tasks", "mine.csv"), "--tasks takes like:DATA, such as like:mine.csv"),
        (("--tasks", "like:"), "--tasks takes like:DATA"),
        (("--tasks", "like:digitz"), "There is no data set called 'digitz'"),
        (("--hidden", "4", "--epochs", "9"), "--hidden, --epochs: only for --tasks like:DATA"),
        (("--tasks", "like:wine", "--hidden", "wide"), "--hidden takes whole numbers"),
        (("--tasks", "like:spiral", "--train-size", "1"), "train_size is 1, too small for spiral"),
        (("--resume", "--tasks", "like:wine"), "leave --tasks out"),
    ],
)
def test_tasks_that_cannot_be_made_are_told_before_anything_is_written(
    preset: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    failed = train("--preset", preset, "--out", tmp_path / "run", *arguments)
    assert isinstance(failed.exception, InputError)
    assert message in str(failed.exception)
    assert not (tmp_path / "run").exists()
