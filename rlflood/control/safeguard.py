"""How far a network is carried beyond a level that it is sent up to: how large its steps are."""

import numpy as np
from numpy.typing import NDArray

from rlflood.state import Stateful

Array = NDArray[np.float64]

FAR = 1.3
"""A train loss so many times the level that it rose to shows a network that steps too far to be steered."""


class Overshoot(Stateful):
    """The highest train loss over the level that it rose to, for each replica.

    Flooding ascends with the steps that it descends with. A small network comes to rest near its level. Where
    steps are large (wide and deep networks, high learning rates) it is thrown beyond it, and may lose all
    that it had learned. A network shows which one it is when it first comes up to a level.

    Attributes:
        ratio: The highest so far; 0 until the network has come up to a level from below.
    """

    _state = ("ratio", "_under", "_target")

    def __init__(self) -> None:
        self.ratio: Array = np.zeros(1)
        self._under: NDArray[np.bool_] = np.zeros(1, bool)  # the last epoch began below its level
        self._target: Array = np.zeros(1)  # highest level since it came up from below; 0 where it has not

    def update(self, train_loss: Array, before: Array, level: Array) -> None:
        """Take in an epoch.

        Args:
            train_loss: Train loss of each replica, in nats. An epoch's is measured before its steps, so it
                shows where the epoch before has led.
            before: The level of that epoch before, in nats.
            level: The level of this epoch, in nats.
        """
        above = (before > 0) & (train_loss > before)
        # a level that sinks below the train loss has not carried it there: the higher one before counts
        rising = above & (self._under | (self._target > 0))
        self._target = np.where(rising, np.maximum(self._target, before), 0.0)
        ratio = np.where(rising, train_loss, 0.0) / np.where(rising, self._target, 1.0)
        self.ratio = np.maximum(self.ratio, ratio)
        self._under = (level > 0) & (train_loss < level)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the network has come up to a level."""
        return self.ratio > 0

    @property
    def far(self) -> NDArray[np.bool_]:
        """Whether it has been carried too far beyond one."""
        return self.ratio > FAR
