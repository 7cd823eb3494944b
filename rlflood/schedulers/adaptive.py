"""Raise the level while the validation accuracy rises."""

import math

import numpy as np
from numpy.typing import NDArray

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler


class AdaptiveFlood(FloodScheduler):
    """Steps the level up when validation accuracy rises, down when it falls, by more than a tolerance.

    No flooding until the training accuracy of an epoch is 1. From that epoch on, with ``x`` its validation
    accuracy and ``x'`` the last accepted one, 0 at first::

        if x >= x' + tolerance:   x' = x;  level = clip(level + alpha, 0, maximum)
        elif x < x' - tolerance:  x' = x;  level = clip(level - alpha, 0, maximum)

    A network that never fits its whole training set (label noise, augmentation, a small model) is never
    flooded.

    Args:
        alpha: size of a step of the level, in nats; positive.
        tolerance: a change of the validation accuracy that is not noise, as a share (.004 is 0.4 points).
        maximum: the highest level.
        replicas, hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if a setting is negative or not finite, or ``alpha`` is 0.
    """

    _state = ("_fitted", "_accepted")
    _settings = ("alpha", "tolerance", "maximum")

    def __init__(
        self,
        alpha: float = 0.015,
        tolerance: float = 0.004,
        maximum: float = 0.5,
        *,
        replicas: int | None = None,
        hold: Hold | None = None,
    ) -> None:
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha must be positive and finite, not {alpha}.")
        if not 0 <= tolerance < math.inf:
            raise ValueError(f"tolerance must be finite and not negative, not {tolerance}.")
        if not 0 <= maximum < math.inf:
            raise ValueError(f"maximum must be finite and not negative, not {maximum}.")
        super().__init__(replicas=replicas, hold=hold)
        self.alpha = alpha
        self.tolerance = tolerance
        self.maximum = maximum
        self._fitted: bool | NDArray[np.bool_] = False
        self._accepted: Values = 0.0

    def _next_level(self, metrics: Metrics) -> Values:
        accuracy = metrics.val_acc
        self._fitted = self._fitted | (metrics.train_acc >= 1)
        up = self._fitted & (accuracy >= self._accepted + self.tolerance)
        down = self._fitted & ~up & (accuracy < self._accepted - self.tolerance)
        self._accepted = np.where(up | down, accuracy, self._accepted)
        change = np.where(up, self.alpha, np.where(down, -self.alpha, 0.0))
        return np.clip(self._level + change, 0.0, self.maximum)
