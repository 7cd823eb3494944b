"""Training: what it writes, that it resumes bit for bit, that Ctrl-C saves, that it learns."""

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlflood import InputError, load_controller
from rlflood.agents import Preset, Progress, resume, train
from rlflood.agents.checkpoint import load_checkpoint
from rlflood.envs import FloodVectorEnv
from rlflood.schedulers import Controller

TINY: dict[str, Any] = {
    "episodes": 48,
    "groups": 2,
    "group_size": 4,
    "decisions": 4,
    "policy": [8],
    "tasks": {
        "base": {
            "hidden": [8],
            "epochs": 8,
            "train_size": 20,
            "val_size": 20,
            "test_size": 20,
            "batch_size": 8,
        }
    },
}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "ppo": {"batch_size": 16, "n_epochs": 2},
    "a2c": {"ent_coef": 0.01},
}


def tiny(algorithm: str = "ppo", **changes: Any) -> Preset:
    return Preset(
        **{**TINY, "algorithm": algorithm, "hyperparameters": HYPERPARAMETERS[algorithm], **changes}
    )


def weights(controller: Controller) -> list[np.ndarray]:
    return [array for layer in controller.layers for array in layer]


def without_times(log: Path) -> list[dict[str, str]]:
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if not key.startswith("time/")} for row in rows]


@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
def test_training_resumed_equals_training_without_a_stop(tmp_path: Path, algorithm: str) -> None:
    whole = train(tiny(algorithm), tmp_path / "whole", seed=3)
    train(tiny(algorithm, episodes=16), tmp_path / "parts", seed=3)
    np.random.seed(123)  # what happens in between must not matter
    torch.manual_seed(123)
    parts = resume(tmp_path / "parts", episodes=48)

    for one, other in zip(weights(whole.controller), weights(parts.controller), strict=True):
        np.testing.assert_array_equal(one, other)
    assert without_times(tmp_path / "whole/progress.csv") == without_times(tmp_path / "parts/progress.csv")
    assert whole.finished and parts.finished


def test_ctrl_c_saves_and_resuming_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)  # a suite that runs in the background has it ignored
    whole = train(tiny(), tmp_path / "whole", threads=2)

    def interrupt(progress: Progress) -> None:
        if progress.episodes == 16:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = train(tiny(), tmp_path / "parts", on_progress=interrupt, threads=2)
    assert not stopped.finished
    assert load_checkpoint(tmp_path / "parts/checkpoint.zip")[1].episodes == 16
    assert signal.getsignal(signal.SIGINT) is before
    resumed = resume(tmp_path / "parts", threads=2)

    assert resumed.finished
    for one, other in zip(weights(whole.controller), weights(resumed.controller), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_controller_file_is_the_trained_policy_and_says_where_it_came_from(tmp_path: Path) -> None:
    outcome = train(tiny(), tmp_path, seed=5)
    loaded = Controller.load(outcome.path)

    for one, other in zip(weights(loaded), weights(outcome.controller), strict=True):
        np.testing.assert_array_equal(one, other)
    assert loaded.spec == tiny().spec
    assert loaded.provenance["seed"] == 5
    assert loaded.provenance["episodes"] == 48
    assert loaded.provenance["algorithm"] == "ppo"
    assert Preset(**loaded.provenance["preset"]) == tiny()
    assert load_controller(outcome.path, epochs=100, classes=3).level == 0


def test_progress_counts_episodes_and_reports_their_accuracy(tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(tiny(), tmp_path, on_progress=seen.append)
    assert [progress.episodes for progress in seen] == [8, 16, 24, 32, 40, 48]
    assert {progress.total for progress in seen} == {48}
    # relative rewards would have the mean 0; what is reported is the accuracy itself
    assert all(0.05 < progress.reward <= 1 for progress in seen)
    assert all(0 < progress.entropy <= np.log(8) + 1e-6 for progress in seen[1:])


def test_tensorboard_events_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tiny(episodes=8), tmp_path)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_a_training_is_never_overwritten(tmp_path: Path) -> None:
    train(tiny(episodes=8), tmp_path)
    before = (tmp_path / "checkpoint.zip").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train(tiny(episodes=8), tmp_path)
    assert (tmp_path / "checkpoint.zip").read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "without --resume"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
    ],
)
def test_resuming_from_nothing_or_a_damaged_checkpoint_says_so(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    train(tiny(episodes=8), tmp_path)
    damage(tmp_path / "checkpoint.zip")
    with pytest.raises(InputError, match=message):
        resume(tmp_path)


def test_resuming_a_finished_training_changes_nothing(tmp_path: Path) -> None:
    first = train(tiny(episodes=8), tmp_path)
    again = resume(tmp_path)
    assert again.finished
    for one, other in zip(weights(first.controller), weights(again.controller), strict=True):
        np.testing.assert_array_equal(one, other)


def test_learning_finds_the_action_that_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reward that pays for action 2 alone, the policy must come to choose it nearly always."""

    def paid(self: FloodVectorEnv, actions: np.ndarray) -> Any:
        observations, _, terminated, truncated, infos = step(self, actions)
        return observations, (actions == 2).astype(float), terminated, truncated, infos

    step = FloodVectorEnv.step
    monkeypatch.setattr(FloodVectorEnv, "step", paid)
    hyperparameters = {"batch_size": 32, "n_epochs": 8, "learning_rate": 0.01, "gamma": 0.0}
    preset = tiny(episodes=240, levels=(0.0, 0.1, 0.2), hyperparameters=hyperparameters)
    controller = train(preset, tmp_path).controller
    env = FloodVectorEnv(8, tasks=preset.tasks, levels=preset.levels, observation="extended", decisions=4)
    observations = [env.reset(seed=9)[0], *(env.step(np.arange(8) % 3)[0] for _ in range(4))]
    assert (controller.act(np.concatenate(observations)) == 2).mean() > 0.95
