"""What happens to the replicas of a stack, written down while they train."""

from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray

from rlflood.experiments.runs.record import Runs
from rlflood.metrics import Array, Metrics
from rlflood.training import Evaluation


class History:
    """The levels and metrics of a stack's replicas, epoch by epoch."""

    def __init__(self) -> None:
        self._levels: list[Array] = []
        self._metrics: list[Metrics] = []

    def add(self, levels: Array, metrics: Metrics) -> None:
        """Take in an epoch: arrays of shape ``(replicas,)``."""
        self._levels.append(levels)
        self._metrics.append(metrics)

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """Give replica ``i`` the past of replica ``sources[i]``, as its weights have it."""
        self._levels = [levels[sources] for levels in self._levels]
        self._metrics = [metrics.take(sources) for metrics in self._metrics]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """All of it: ``levels`` and the metrics, shape ``(epochs, replicas)``."""
        return {name: torch.from_numpy(np.ascontiguousarray(rows.T)) for name, rows in self._curves().items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over what :meth:`state_dict` gave."""
        rows = {name: list(values.numpy()) for name, values in state.items()}
        self._levels = rows.pop("levels")
        self._metrics = [
            Metrics(**dict(zip(rows, values, strict=True))) for values in zip(*rows.values(), strict=True)
        ]

    def runs(self, final: Evaluation, best: Evaluation) -> Runs:
        """What has happened, with the test split evaluated after the last epoch and at the best."""
        return Runs(
            **self._curves(),
            test_acc_final=final.clean_accuracy,
            test_acc_best=best.clean_accuracy,
            noisy_test_acc_final=final.accuracy,
            noisy_test_acc_best=best.accuracy,
        )

    def _curves(self) -> dict[str, Array]:
        """``levels`` and the metrics by name: shape ``(replicas, epochs)``."""
        rows = {
            field.name: [getattr(metrics, field.name) for metrics in self._metrics]
            for field in fields(Metrics)
        }
        return {name: np.stack(values, axis=1) for name, values in {"levels": self._levels, **rows}.items()}
