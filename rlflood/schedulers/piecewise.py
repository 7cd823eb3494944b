"""A level that falls in steps."""

import math
from collections.abc import Sequence

import numpy as np

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.level import checked_level
from rlflood.schedulers.reports import MetricLike


class PiecewiseFlood(FloodScheduler):
    """The level is multiplied by ``factor`` at each milestone, whatever the metrics.

    A rule that practitioners use, in the manner of ``torch.optim.lr_scheduler.MultiStepLR``: flood while the
    network would memorise most, and let it go on learning towards the end. It is told the length of the run,
    so that the milestones, shares of it, mean the same in any run.

    Args:
        level: the first flood level, a number or one for each replica, shape ``(replicas,)``.
        epochs: epochs of the run; after them the last level stays.
        milestones: shares of the run, rising, above 0 and below 1: epoch ``i``, counted from 0, comes after
            the milestones ``m`` with ``i >= m * epochs``.
        factor: from 0 to 1.
        hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if a level is negative or not finite, ``epochs`` not positive, the factor not from 0 to 1,
            or the milestones don't rise between 0 and 1.
    """

    _settings = ("_first", "epochs", "milestones", "factor")
    needs_validation = False

    def __init__(
        self,
        level: MetricLike,
        *,
        epochs: int,
        milestones: Sequence[float] = (0.5, 0.75),
        factor: float = 0.5,
        hold: Hold | None = None,
    ) -> None:
        if epochs < 1:
            raise ValueError(f"epochs must be 1 or more, not {epochs}.")
        if not 0 <= factor <= 1:
            raise ValueError(f"factor must be from 0 to 1, not {factor}.")
        self.epochs, self.milestones = epochs, tuple(milestones)
        edges = np.array([0.0, *milestones, 1.0])
        if not (np.diff(edges) > 0).all():
            raise ValueError(f"milestones must rise and lie above 0 and below 1, not {tuple(milestones)}.")
        self._first = checked_level(level)
        self.factor = factor
        super().__init__(initial_level=self._first, hold=hold)

    def _next_level(self, metrics: Metrics) -> Values:
        assert self.epochs is not None
        # rounded first, so that a milestone comes when a person expects it: 0.55 * 100 is a little above 55
        falls = [math.ceil(round(share * self.epochs, 9)) for share in self.milestones]
        passed = sum(self.epoch >= epoch for epoch in falls)
        return self._first * self.factor**passed

    _unvalidated_level = _next_level  # it does not look at the metrics
