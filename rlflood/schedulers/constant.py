"""One level for the whole run."""

from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.reports import MetricLike


class ConstantFlood(FloodScheduler):
    """The same level in every epoch, as in the paper (Ishida et al., ICML 2020).

    Args:
        level: the flood level, a number or one for each replica, shape ``(replicas,)``; 0 for no flooding.
        hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if a level is negative or not finite.
    """

    _settings = ("_constant",)
    needs_validation = False

    def __init__(self, level: MetricLike, *, hold: Hold | None = None) -> None:
        super().__init__(initial_level=level, hold=hold)
        self._constant = self.level

    def _next_level(self, metrics: Metrics) -> Values:
        return self._level
