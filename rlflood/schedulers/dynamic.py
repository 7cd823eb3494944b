"""A rule that is found in public code."""

import numpy as np

from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler

STEP = 0.05
PATIENCE = 8
RISE = 1.15
HIGHEST = 0.4


class DynamicFlood(FloodScheduler):
    """Down when validation accuracy no longer gains, up when validation loss rises above its best.

    The "dynamic flooding" of public code: after 8 epochs without a gain of the validation accuracy the level
    goes down by 0.05, and the 8 are counted anew; after an epoch whose validation loss is 1.15 times its best
    or more it goes up by 0.05; always within 0 and 0.4. All numbers are the rule's own.

    It begins at 0, without flooding: the rule goes down from a level only where a run has stalled, and up
    from 0 as soon as the network overfits, whatever the loss's scale. A level to begin with would be a
    setting to search for.

    Args:
        replicas: see :class:`~rlflood.schedulers.base.FloodScheduler`.
    """

    _state = ("_best_accuracy", "_best_loss", "_waited")

    def __init__(self, *, replicas: int | None = None) -> None:
        super().__init__(replicas=replicas)
        self._best_accuracy: Values = -np.inf
        self._best_loss: Values = np.inf
        self._waited: Values = 0.0

    def _next_level(self, metrics: Metrics) -> Values:
        gains = metrics.val_acc > self._best_accuracy
        self._best_accuracy = np.where(gains, metrics.val_acc, self._best_accuracy)
        waited = np.where(gains, 0.0, np.asarray(self._waited) + 1)
        stalled = waited >= PATIENCE
        self._waited = np.where(stalled, 0.0, waited)
        self._best_loss = np.fmin(self._best_loss, metrics.val_loss)
        # a loss of 0 has none below it to rise from
        worse = (metrics.val_loss >= RISE * self._best_loss) & (metrics.val_loss > 0)
        worse &= np.isfinite(metrics.val_loss)
        return np.clip(self._level + STEP * worse - STEP * stalled, 0.0, HIGHEST)
