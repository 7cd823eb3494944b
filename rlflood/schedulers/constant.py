"""One level for the whole run."""

from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.reports import MetricLike


class ConstantFlood(FloodScheduler):
    """The same level in every epoch, as in the paper (Ishida et al., ICML 2020).

    Args:
        level: the flood level, a number or one for each replica, shape ``(replicas,)``; 0 for no flooding.

    Raises:
        ValueError: if a level is negative or not finite.
    """

    _settings = ("_constant",)

    def __init__(self, level: MetricLike) -> None:
        super().__init__(initial_level=level)
        self._constant = self.level

    def _next_level(self, metrics: Metrics) -> Values:
        return self._level
