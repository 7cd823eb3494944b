"""One member of a population that Ray Tune trains."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray import tune

from rlflood.experiments.methods.parts import ranked
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.stacks import stack
from rlflood.metrics import Metrics
from rlflood.training import GivenLevels, Machine, run

SCORE = "score"
RUN = "run"
_METRICS = tuple(field.name for field in fields(Metrics))
_FILE = "member.pt"


class Member(tune.Trainable):
    """One network, trained from one turn to the next at the level in its configuration.

    Its checkpoint is its trainer's state and its past, as tensors; nothing else is unpickled.
    """

    def setup(self, config: dict[str, Any], *, setting: Setting, turns: list[int]) -> None:
        """Begin.

        Args:
            config: Has the ``level``, in nats.
            setting: Of one repeat.
            turns: The numbers of epochs after which the member is looked at, the last the task's.
        """
        torch.set_num_threads(1)
        self._setting, self._turns = setting, turns
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin anew at another level; Ray may restore a checkpoint next."""
        self._level = float(new_config["level"])
        self._trainer = stack(self._setting, Machine(), np.array([0]))
        self._past: list[list[float]] = []
        return True

    def step(self) -> dict[str, Any]:
        """Train to the next turn; the last result has the whole run."""
        turn = next(turn for turn in self._turns if turn > self._trainer.epoch)
        for epoch in run(self._trainer, GivenLevels(self._level), epochs=turn):
            now = [float(getattr(epoch.metrics, name)[0]) for name in _METRICS]
            self._past.append([self._level, *now])
        _, _, _, loss, accuracy = self._past[-1]
        # Ray leaves members without a number where they are: one that has diverged gets the worst
        score = ranked(accuracy, loss, self._setting.task.val_size) if np.isfinite(loss) else -1.0
        return {SCORE: score, RUN: self._run() if self._trainer.epoch == self._turns[-1] else None}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save the trainer and the past."""
        past = torch.tensor(self._past, dtype=torch.float64)
        torch.save({"trainer": self._trainer.state_dict(), "past": past}, Path(checkpoint_dir, _FILE))

    def load_checkpoint(self, checkpoint: str) -> None:
        """Become what was saved, at one's own level."""
        saved = torch.load(Path(checkpoint, _FILE), weights_only=True)
        self._trainer.load_state_dict(saved["trainer"])
        self._past = saved["past"].tolist()

    def _run(self) -> dict[str, Any]:
        """The fields of ``Runs`` for this one run, as lists and numbers."""
        curves = dict(zip(("levels", *_METRICS), np.array(self._past).T.tolist(), strict=True))
        final, best = self._trainer.evaluate("test"), self._trainer.evaluate("test", "best")
        return curves | {
            "test_acc_last": float(final.clean_accuracy[0]),
            "test_acc_best": float(best.clean_accuracy[0]),
            "noisy_test_acc_last": float(final.accuracy[0]),
            "noisy_test_acc_best": float(best.accuracy[0]),
        }


def as_runs(members: list[dict[str, Any]]) -> Runs:
    """The runs of several members, one after the other."""
    return Runs(**{name: np.array([member[name] for member in members]) for name in members[0]})
