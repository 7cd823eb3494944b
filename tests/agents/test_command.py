"""`rlflood train` and the algorithms."""

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from typer.testing import CliRunner, Result

from rlflood import InputError
from rlflood.cli.app import app
from rlflood.control import Controller


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
