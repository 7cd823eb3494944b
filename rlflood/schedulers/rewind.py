"""Back to where the validation loss was best, and on from there in time for the end."""

import math

from rlflood.control.turning_point import FRACTION, RELEASE, TurningPoint
from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler


class RewindFlood(FloodScheduler):
    """Train freely until the run turns, rewind, hold, and let go when as much is left as the turn took.

    No flooding until the validation loss is a tenth above its best: the run has turned. Then the level is
    ``fraction`` times the train loss at the best validation loss, which unlearns what was memorised. When
    ``release`` times as many epochs are left as the run took to its turn, flooding ends: the network learns
    once more for about as long as learning pays, and the budget ends before it can memorise. Early
    stopping without a checkpoint. It needs no search; a run that never turns is never flooded.

    Args:
        epochs: Epochs of the run; it must be right.
        fraction: of the train loss at the best validation loss; finite, not negative.
        release: of the epochs to the turn; finite, not negative. 0 holds to the end.
        replicas, hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Raises:
        ValueError: if ``epochs`` is not positive, or a share is negative or not finite.
    """

    _state = ("_turn",)
    _settings = ("epochs", "fraction", "release")

    def __init__(
        self,
        *,
        epochs: int,
        fraction: float = FRACTION,
        release: float = RELEASE,
        replicas: int | None = None,
        hold: Hold | None = None,
    ) -> None:
        if epochs < 1:
            raise ValueError(f"epochs must be 1 or more, not {epochs}.")
        for name, share in (("fraction", fraction), ("release", release)):
            if not 0 <= share < math.inf:
                raise ValueError(f"{name} must be finite and not negative, not {share}.")
        super().__init__(replicas=replicas, hold=hold)
        self.epochs, self.fraction, self.release = epochs, fraction, release
        self._turn = TurningPoint()

    def _next_level(self, metrics: Metrics) -> Values:
        assert self.epochs is not None
        self._turn.update(self.epoch, metrics.train_loss, metrics.val_loss)
        return self._turn.rewound(self.epochs - self.epoch, self.fraction, self.release)

    def _unvalidated_level(self, metrics: Metrics) -> Values:
        self._turn.update(self.epoch, metrics.train_loss, None)
        return self._level
