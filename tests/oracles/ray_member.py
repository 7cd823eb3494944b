"""One member of a population that Ray Tune trains."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray import tune

from rlflood.experiments.runs.history import History
from rlflood.experiments.runs.parts import ranked
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.stacks import stack
from rlflood.training import GivenLevels, Machine, run

SCORE = "score"
RUN = "run"
_FILE = "member.pt"


class Member(tune.Trainable):
    """One network, trained from one turn to the next at the level in its configuration.

    Its checkpoint is its trainer's state and its history, as tensors; nothing else is unpickled.
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
        self._history = History()
        return True

    def step(self) -> dict[str, Any]:
        """Train to the next turn; the last result has the whole run."""
        turn = next(turn for turn in self._turns if turn > self._trainer.epoch)
        for epoch in run(self._trainer, GivenLevels(self._level), epochs=turn):
            self._history.add(epoch.levels, epoch)
            loss, accuracy = float(epoch.metrics.val_loss[0]), float(epoch.metrics.val_acc[0])
        # Ray leaves members without a number where they are: one that has diverged gets the worst
        score = ranked(accuracy, loss, self._setting.task.val_size) if np.isfinite(loss) else -1.0
        return {SCORE: score, RUN: self._run() if self._trainer.epoch == self._turns[-1] else None}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save the trainer and the run's history."""
        parts = {"trainer": self._trainer, "history": self._history}
        torch.save({name: part.state_dict() for name, part in parts.items()}, Path(checkpoint_dir, _FILE))

    def load_checkpoint(self, checkpoint: str) -> None:
        """Become what was saved, at one's own level."""
        saved = torch.load(Path(checkpoint, _FILE), weights_only=True)
        self._trainer.load_state_dict(saved["trainer"])
        self._history.load_state_dict(saved["history"])

    def _run(self) -> dict[str, Any]:
        """The fields of ``Runs`` for this one run, as lists and numbers."""
        whole = self._history.runs(self._trainer)
        return {field.name: getattr(whole, field.name)[0].tolist() for field in fields(Runs)}


def as_runs(members: list[dict[str, Any]]) -> Runs:
    """The runs of several members, one after the other."""
    return Runs(**{name: np.array([member[name] for member in members]) for name in members[0]})
