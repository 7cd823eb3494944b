"""When a run first began to overfit: what a controller must remember to know how long learning takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Values

Array = NDArray[np.float64]

RISE = 0.1
"""How far above its best, as a share of it, a validation loss has turned for good."""


class TurningPoint:
    """The epoch of the best validation loss at which it first turned, for each replica.

    Until then it is the epoch of the best validation loss so far.

    How long a network takes to learn what carries over depends on the problem, the network and the
    optimizer; the first turn measures it. What is left of the budget goes by this measure: a network that
    is held high can be let go when as many epochs are left as it took to get that far.
    """

    def __init__(self) -> None:
        self.epoch: Array = np.ones(1)
        self.turned: NDArray[np.bool_] = np.zeros(1, bool)

    def update(self, val_loss: Values, best_val_loss: Values, best_epoch: Values) -> None:
        """Take in an epoch: numbers, or rows of shape ``(replicas,)``."""
        self.epoch = np.where(self.turned, self.epoch, np.maximum(best_epoch, 1.0))
        # a loss that is not finite has turned too
        self.turned = self.turned | ~(val_loss <= best_val_loss + RISE * np.abs(best_val_loss))

    def features(self, epoch: int, epochs: int) -> tuple[Array, ...]:
        """Whether it has turned, and log10 of the epochs left over the epochs to the turn."""
        left = np.log10(np.maximum(epochs - epoch, 0.1) / self.epoch)
        return self.turned.astype(float), left

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered: arrays."""
        return {"epoch": self.epoch.copy(), "turned": self.turned.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`, bit for bit."""
        self.epoch, self.turned = state["epoch"].copy(), state["turned"].copy()
