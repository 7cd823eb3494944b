"""Hold the mean at the turn, and keep the average."""

import math

import numpy as np
from numpy.typing import NDArray

from rlflood.control.turning_point import TurningPoint, TurnSign
from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler


class HoldFlood(FloodScheduler):
    """Train freely until the run turns, then hold the train loss near where it was best, to the end.

    What is worth keeping of such a run is the average of its weights since the turn, not its last step
    (:class:`~rlflood.weight_average.WeightAverage`). It needs no search and no checkpoint, and a run that
    never turns is never flooded. A fifth below the loss of the turn, with returns, is what comes out best
    over four kinds of run (docs/results/many-steps.md).

    Args:
        fraction: The level, as a share of the train loss where validation was best; finite, not negative.
        turn: What tells that the run has turned: the validation loss, or its accuracy, which is the right
            sign under a robust criterion.
        returning: Put the best weights back at the turn, and once more each time that as many epochs have
            gone by as it took to get there: for runs that turn within an epoch or two, where walking back
            comes too late, or whose learning rate falls, where there is no walking back.
        replicas, hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if ``fraction`` is negative or not finite.
    """

    _state = ("_turn", "_next_return", "_returns")
    _settings = ("fraction", "turn", "returning")
    hold = Hold(batches=16, ascent=0.25)

    def __init__(
        self,
        fraction: float = 0.8,
        *,
        turn: TurnSign = "loss",
        returning: bool = True,
        replicas: int | None = None,
        hold: Hold | None = None,
    ) -> None:
        if not 0 <= fraction < math.inf:
            raise ValueError(f"fraction must be finite and not negative, not {fraction}.")
        super().__init__(replicas=replicas, hold=hold)
        self.fraction, self.turn, self.returning = fraction, turn, returning
        self._turn = TurningPoint(sign=turn)
        self._next_return: Values = math.inf  # epochs after which the best weights are put back again
        self._returns: bool | NDArray[np.bool_] = False

    @property
    def returns(self) -> NDArray[np.bool_] | bool:
        """See :attr:`FloodScheduler.returns`."""
        return self._returns

    def _next_level(self, metrics: Metrics) -> Values:
        turned_before = self._turn.turned
        self._turn.update(self.epoch, metrics.train_loss, metrics.val_loss, metrics.val_acc)
        if self.returning:
            turns = self._turn.turned & ~turned_before
            self._returns = turns | (self.epoch >= np.asarray(self._next_return))
            self._next_return = np.where(self._returns, self.epoch + self._turn.epoch, self._next_return)
        at_turn = self._turn.train_loss
        return self.fraction * np.where(np.isfinite(at_turn), np.maximum(at_turn, 0.0), 0.0)

    def _unvalidated_level(self, metrics: Metrics) -> Values:
        self._turn.update(self.epoch, metrics.train_loss, None)
        self._returns = False
        return self._level
