"""Descend to zero first, flood afterwards."""

import math

import numpy as np
from numpy.typing import NDArray

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.level import checked_level
from rlflood.schedulers.reports import MetricLike


class BackwardFlood(FloodScheduler):
    """No flooding until the training loss has once been below ``threshold``; then ``level`` for ever.

    It searches from the inside out: the network first fits the training set, label noise and all, and is then
    flooded back to ``level``. The flooding begins with the epoch after the one that got there.

    Args:
        level: the flood level, a number or one for each replica, shape ``(replicas,)``.
        threshold: the training loss, in nats, at which the training error counts as zero; positive.
        hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if a level is negative or not finite, or the threshold not positive and finite.
    """

    _state = ("_reached",)
    _settings = ("_target", "threshold")
    needs_validation = False

    def __init__(self, level: MetricLike, threshold: float = 1e-4, *, hold: Hold | None = None) -> None:
        if not 0 < threshold < math.inf:
            raise ValueError(f"threshold must be positive and finite, not {threshold}.")
        self._target = checked_level(level)
        self.threshold = threshold
        self._reached: bool | NDArray[np.bool_] = False
        super().__init__(initial_level=np.zeros_like(self._target), hold=hold)

    def _next_level(self, metrics: Metrics) -> Values:
        self._reached = self._reached | (metrics.train_loss < self.threshold)
        return np.where(self._reached, self._target, 0.0)

    _unvalidated_level = _next_level  # it does not look at the validation
