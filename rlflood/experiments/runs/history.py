"""What happens to the replicas of a stack, written down while they train."""

from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray

from rlflood.experiments.runs.record import Runs, score_field
from rlflood.metrics import Array, Metrics
from rlflood.training import Evaluation, Trainer
from rlflood.training.loop import Epoch
from rlflood.training.trainer import MOMENTS


class History:
    """The levels, metrics and averages' validation of a stack's replicas, epoch by epoch."""

    def __init__(self) -> None:
        self._epochs: list[dict[str, Array]] = []

    def add(self, levels: Array, epoch: Epoch) -> None:
        """Take in an epoch.

        Args:
            levels: What it was trained at by the trainer's own account, shape ``(replicas,)``.
            epoch: Of a trainer that keeps averages and evaluates them.
        """
        assert epoch.average is not None
        self._epochs.append(
            {
                "levels": levels,
                **{field.name: getattr(epoch.metrics, field.name) for field in fields(Metrics)},
                "average_val_loss": epoch.average.loss,
                "average_val_acc": epoch.average.accuracy,
            }
        )

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """Give replica ``i`` the past of replica ``sources[i]``, as its weights have it."""
        self._epochs = [{name: row[sources] for name, row in rows.items()} for rows in self._epochs]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """All of it by the names of the runs' curves: shape ``(epochs, replicas)``."""
        return {name: torch.from_numpy(np.ascontiguousarray(rows.T)) for name, rows in self._curves().items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over what :meth:`state_dict` gave."""
        rows = {name: values.numpy() for name, values in state.items()}
        self._epochs = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]

    def runs(self, trainer: Trainer) -> Runs:
        """What has happened, with the test split evaluated with each of the trainer's four networks."""
        tests: dict[str, Array] = {}
        for moment in MOMENTS:
            found: Evaluation = trainer.evaluate("test", moment)
            tests[score_field(moment, noisy=False)] = found.clean_accuracy
            tests[score_field(moment, noisy=True)] = found.accuracy
        return Runs(**self._curves(), **tests)

    def _curves(self) -> dict[str, Array]:
        """Shape ``(replicas, epochs)``."""
        names = self._epochs[0]
        return {name: np.stack([rows[name] for rows in self._epochs], axis=1) for name in names}
