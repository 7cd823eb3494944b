"""A level in proportion to the best validation loss."""

import math

import numpy as np

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler


class TrackingFlood(FloodScheduler):
    """The level is ``fraction`` times the lowest validation loss so far; 0 before the first.

    The lowest validation loss estimates the loss that the problem leaves at best, so the level needs no
    search and moves with the loss's scale, the number of classes and the label noise.

    Args:
        fraction: of the best validation loss; finite, not negative. At 1 or more, training is held above the
            best validation loss.
        replicas, hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if ``fraction`` is negative or not finite.
    """

    _state = ("_best",)
    _settings = ("fraction",)

    def __init__(
        self, fraction: float = 0.7, *, replicas: int | None = None, hold: Hold | None = None
    ) -> None:
        if not 0 <= fraction < math.inf:
            raise ValueError(f"fraction must be finite and not negative, not {fraction}.")
        super().__init__(replicas=replicas, hold=hold)
        self.fraction = fraction
        self._best: Values = math.inf

    def _next_level(self, metrics: Metrics) -> Values:
        # NaN is taken for worse than all; a loss below 0 (of a criterion other than cross-entropy) for 0
        self._best = np.fmax(np.fmin(self._best, metrics.val_loss), 0.0)
        return self.fraction * np.where(np.isfinite(self._best), self._best, 0.0)
