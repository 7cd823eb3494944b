"""A fall-back of controllers: a level that threw a network is not set again."""

import numpy as np
from numpy.typing import NDArray

from rlflood.schedulers.remembering import Remembering

Array = NDArray[np.float64]

CUT = 0.7
"""What is left of the level that threw the network."""
THROWN = 1.2
"""A train loss so many times that of guessing, and its level, is one of a network that has been thrown."""


class Ceiling(Remembering):
    """The highest level that a run may still be set, for each replica.

    Where steps are large (wide and deep networks, high learning rates) a way up does not stop at its level:
    the network is thrown beyond it and has lost all that it had learned. Small networks come back from there
    at once, and a policy that was trained on them may send a run up again and again. So when a network that
    was under its level has a train loss a fifth above that of guessing, levels above 0.7 of that one are
    barred for the rest of the run, and the next time above 0.7 of what threw it then.

    Heights are multiples of the train loss at the turning point, like the levels.

    Attributes:
        height: The highest multiple that is allowed; infinite until the first throw.
    """

    _state = ("height", "_under")

    def __init__(self) -> None:
        self.height: Array = np.full(1, np.inf)
        self._under: NDArray[np.bool_] = np.zeros(1, bool)

    def update(
        self, train_loss: Array, before: Array, level: Array, turning_loss: Array, guessing: Array
    ) -> None:
        """Take in an epoch.

        Args:
            train_loss: Train loss of each replica: where the last epoch has taken it. In nats, like all.
            before: The level of the epoch before, whose end the train loss shows.
            level: What the epoch was trained at.
            turning_loss: Train loss at the turning point; infinite before.
            guessing: The loss of guessing.
        """
        thrown = self._under & (train_loss > THROWN * np.maximum(guessing, before))
        known = np.isfinite(turning_loss) & (turning_loss > 0)
        multiple = before / np.where(known, turning_loss, 1.0)
        self.height = np.where(thrown & known, np.minimum(self.height, CUT * multiple), self.height)
        # on its way up from here on, until it is thrown or no longer flooded
        self._under = (level > 0) & ((self._under & ~thrown) | (train_loss < level))

    def limit(self, level: Array, turning_loss: Array) -> Array:
        """``level``, or as much of it as is still allowed; in nats."""
        with np.errstate(invalid="ignore"):  # no ceiling times a turn at 0 is no number: none applies
            return np.fmin(level, self.height * np.maximum(turning_loss, 0.0))
