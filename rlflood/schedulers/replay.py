"""Levels that were fixed beforehand."""

import hashlib

import numpy as np
from numpy.typing import ArrayLike

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.level import check_levels


class ReplayFlood(FloodScheduler):
    """One level after another, whatever the metrics: a recorded run, or a schedule made by hand.

    Epoch ``i``, counted from 0, is trained at ``levels[i]``; epochs after the last at ``levels[-1]``.

    Args:
        levels: the level of each epoch, shape ``(epochs,)`` for all replicas alike or ``(epochs, replicas)``.
        hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if there is no level, the shape is another, or a level is negative or not finite.
    """

    _settings = ("_levels_digest",)
    needs_validation = False

    def __init__(self, levels: ArrayLike, *, hold: Hold | None = None) -> None:
        self._levels = np.array(levels, dtype=np.float64)
        if self._levels.ndim not in (1, 2) or not self._levels.size:
            raise ValueError(
                "levels must have shape (epochs,) or (epochs, replicas), with at least one epoch, "
                f"not {self._levels.shape}."
            )
        check_levels(self._levels)
        # a setting that is said in short: a state may be saved in every epoch
        self._levels_digest = hashlib.sha256(self._levels.tobytes()).hexdigest()[:16]
        super().__init__(initial_level=self._levels[0], hold=hold)

    def _next_level(self, metrics: Metrics) -> Values:
        level: Values = self._levels[min(self.epoch, len(self._levels) - 1)]
        return level

    _unvalidated_level = _next_level  # it does not look at the metrics
