"""Where a run begins to walk around its level: what is averaged begins there."""

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Values
from rlflood.state import Stateful


class Walk(Stateful):
    """Whether each network has been below its level: from then on it goes to and fro around it.

    Attributes:
        begins: Whether the walk begins with the next epoch: shape ``(replicas,)``, or ``(1,)`` at first.
    """

    _state = ("begins", "_begun")

    def __init__(self) -> None:
        self.begins: NDArray[np.bool_] = np.zeros(1, bool)
        self._begun: NDArray[np.bool_] = np.zeros(1, bool)

    def update(self, train_loss: Values, level: Values) -> None:
        """Take in the train loss of an epoch and the level of the next one, both in nats."""
        below = np.atleast_1d(np.asarray(train_loss) < level)
        self.begins = below & ~self._begun
        self._begun = below | self._begun
