"""How the training of a run has gone: what a controller that sees no validation remembers of it."""

import numpy as np

from rlflood.metrics import Array
from rlflood.state import Stateful

SUREST = 1e-3
"""The least share of errors that a calibrated predictor is taken to make: without any its loss would be 0."""
SLOW = 4
"""Decisions that the slower averages go back."""


def calibrated_loss(accuracy: Array, classes: Array) -> Array:
    """The mean cross-entropy, in nats, of a calibrated predictor of this accuracy.

    One that gives the predicted class the probability ``a``, and the others alike what is left:
    ``-a ln a - (1 - a) ln((1 - a) / (K - 1))``. Where a share of the labels is wrong, whichever class they
    were moved to, that is the loss of a network that has learned the rest and memorised nothing.

    Args:
        accuracy: From 0 to 1; what is below chance counts as chance.
        classes: ``K``, 2 or more.
    """
    a = np.clip(accuracy, 1 / classes, 1 - SUREST)
    return np.asarray(-a * np.log(a) - (1 - a) * np.log((1 - a) / (classes - 1)))


class Course(Stateful):
    """What each epoch's train loss and train accuracy have been, in short, for each replica.

    "Log" is the logarithm to base 10 of a loss over that of guessing; the accuracy goes from chance (0) to
    perfect (1). Before the first epoch there is a network that guesses.

    Attributes:
        averages: Moving averages of log train loss and train accuracy over the length of a decision, and of
            both over that of four: shape ``(4, replicas)``.
        fall: Of log train loss in the last epoch.
        largest_fall: Of all epochs; 0 while it has not fallen.
        lowest_calibration: Lowest log of a train loss over :func:`calibrated_loss` so far.
    """

    _state = ("averages", "fall", "largest_fall", "lowest_calibration")

    def __init__(self) -> None:
        self.averages: Array = np.zeros((4, 1))
        self.fall: Array = np.zeros(1)
        self.largest_fall: Array = np.zeros(1)
        self.lowest_calibration: Array = np.zeros(1)

    def update(
        self, log_loss: Array, accuracy: Array, calibration: Array, *, fall: Array, decay: float, first: bool
    ) -> None:
        """Take in an epoch.

        Args:
            log_loss: Log train loss, shape ``(replicas,)``, as all of them.
            accuracy: Train accuracy.
            calibration: Log of the train loss over that of a calibrated predictor.
            fall: Of log train loss since the epoch before.
            decay: Of averages over the length of one decision, by the epoch.
            first: Whether it is the first epoch, which averages begin with.
        """
        values = np.stack([log_loss, accuracy] * 2)
        kept = np.zeros((4, 1)) if first else decay ** np.array([[1.0], [1.0], [1 / SLOW], [1 / SLOW]])
        self.averages = kept * self.averages + (1 - kept) * values
        self.fall, self.largest_fall = fall, np.maximum(self.largest_fall, fall)
        self.lowest_calibration = calibration if first else np.minimum(self.lowest_calibration, calibration)

    def changes(self, log_loss: Array, accuracy: Array) -> Array:
        """Of both against their averages, in the order of these."""
        return np.stack([log_loss, accuracy] * 2) - self.averages

    @property
    def relative_fall(self) -> Array:
        """The last fall over the largest; 0 while there was none."""
        largest = np.where(self.largest_fall > 0, self.largest_fall, np.inf)
        return np.asarray(self.fall / largest)
