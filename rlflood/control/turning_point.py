"""When a run first began to overfit: what a controller must remember to know how long learning takes."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Array, Values
from rlflood.state import Stateful

RISE = 0.1
"""How far above its best, as a share of it, a validation loss has turned for good."""

TurnSign: TypeAlias = Literal["loss", "accuracy"]
"""What tells that a run has turned.

The validation loss is the finer sign where cross-entropy is trained. Under a robust criterion, or where
networks grow sure of themselves, it rises while the network still gets better; the accuracy does not.
"""
DROP = 0.02
"""How far below its best a smoothed validation accuracy has turned for good."""
SMOOTHING = 3
"""Epochs that the smoothed accuracy goes back, as an exponential mean."""

FRACTION, RELEASE = 0.8, 0.6
"""Where a run is held after its turn, as a share of the train loss there, and when it is let go: when so many
times as many epochs are left as it took to the turn. Both as found for ``RewindFlood``."""


class TurningPoint(Stateful):
    """Where a run was best, and where it was when it first turned, for each replica.

    How long a network takes to learn what carries over depends on the problem, the network and the
    optimizer; the first turn measures it. What is left of the budget goes by this measure: a network that
    is held high can be let go when as many epochs are left as it took to get that far.

    A loss that is not finite is never the best. After one that was, it has turned.

    Args:
        rise: See :data:`RISE`.
        sign: See :data:`TurnSign`. Under ``accuracy`` the best epoch is that of the best smoothed accuracy.

    Attributes:
        best_val_loss: Lowest validation loss so far; infinite before the first.
        best_epoch: The epoch at which the sign was best, counted from 1; 0 before the first.
        train_loss_at_best: The train loss there: of the epoch after that one, which begins with the network
            that was best; of that epoch itself until the next. Infinite before the first.
        turned: Whether the validation loss has risen by ``rise`` above its best.
        epoch: The epoch of the best validation loss when it first turned; of the best so far until then.
    """

    _state = (
        "best_val_loss", "best_epoch", "train_loss_at_best", "turned", "epoch", "_smoothed", "_best_smoothed"
    )  # fmt: skip

    def __init__(self, rise: float = RISE, sign: TurnSign = "loss") -> None:
        self.rise, self.sign = rise, sign
        self.best_val_loss: Array = np.full(1, np.inf)
        self.best_epoch: Array = np.zeros(1)
        self.train_loss_at_best: Array = np.full(1, np.inf)
        self.turned: NDArray[np.bool_] = np.zeros(1, bool)
        self.epoch: Array = np.ones(1)
        self._smoothed: Array = np.full(1, -np.inf)  # until the first accuracy
        self._best_smoothed: Array = np.full(1, -np.inf)

    def update(
        self, epoch: int, train_loss: Values, val_loss: Values | None, val_acc: Values | None = None
    ) -> None:
        """Take in an epoch: numbers, or rows of shape ``(replicas,)``; None if there was no validation."""
        # an epoch's train loss is that of its batches before each step, its validation loss that after the
        # last one: what goes with a validation loss is the next epoch's train loss
        known = self.best_epoch > 0
        after_best = (self.best_epoch == epoch - 1) & known & np.isfinite(train_loss)
        self.train_loss_at_best = np.where(after_best, train_loss, self.train_loss_at_best)
        if val_loss is None:
            return
        lower = np.isfinite(val_loss) & (val_loss < self.best_val_loss)
        self.best_val_loss = np.where(lower, val_loss, self.best_val_loss)
        better = lower if self.sign == "loss" else self._more_accurate(val_loss, val_acc)
        self.best_epoch = np.where(better, float(epoch), self.best_epoch)
        self.train_loss_at_best = np.where(better, train_loss, self.train_loss_at_best)
        self.epoch = np.where(self.turned, self.epoch, np.maximum(self.best_epoch, 1.0))
        # a run whose loss is lost has turned too; one that never had a finite loss has nothing to turn from
        self.turned = self.turned | ((self.best_epoch > 0) & self._is_worse(val_loss))

    def _more_accurate(self, val_loss: Values, val_acc: Values | None) -> NDArray[np.bool_]:
        """Take in an accuracy; whether the smoothed one is better than ever."""
        assert val_acc is not None
        usable = np.isfinite(val_loss) & np.isfinite(val_acc)
        first = np.isneginf(self._smoothed)
        before = np.where(first, val_acc, self._smoothed)
        smoothed = before + (val_acc - before) / SMOOTHING
        self._smoothed = np.where(usable, smoothed, self._smoothed)
        better = usable & (self._smoothed > self._best_smoothed)
        self._best_smoothed = np.where(better, self._smoothed, self._best_smoothed)
        return better

    def _is_worse(self, val_loss: Values) -> NDArray[np.bool_]:
        """Whether the sign is so far from its best that the run has turned."""
        if self.sign == "accuracy":
            return ~np.isfinite(val_loss) | (self._smoothed < self._best_smoothed - DROP)
        with np.errstate(over="ignore"):
            highest = self.best_val_loss + self.rise * np.abs(self.best_val_loss)
        return np.asarray(~(val_loss <= highest))

    @property
    def train_loss(self) -> Array:
        """The train loss at the best validation loss, in nats; infinite until the run has turned."""
        return np.where(self.turned, self.train_loss_at_best, np.inf)

    def rewound(self, left: int, fraction: float, release: float) -> Array:
        """The level, in nats, that takes a run back to its turn, and lets it go in time for the end.

        Args:
            left: Epochs left.
            fraction: of the train loss at the turn.
            release: of the epochs to the turn.
        """
        hold = np.isfinite(self.train_loss) & (left > release * self.epoch)
        return fraction * np.where(hold, np.maximum(self.train_loss, 0.0), 0.0)
