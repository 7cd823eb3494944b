"""What stands for the flooding of batches where PyTorch is not installed: a run is steered all the same.

The loop floods by itself then; `docs/how-to/without-torch.md` shows it.
"""

from typing import Any

from rlflood.extras import missing_torch
from rlflood.holding import Hold
from rlflood.metrics import Values
from rlflood.state import Stateful


class Batches(Stateful):
    """In place of :class:`rlflood.schedulers.batches.Batches`: it keeps a running mean that it is given.

    A state goes from one to the other: the mean is then where a loop of PyTorch goes on from.
    """

    _state = ("mean", "count")
    used = False
    ascended = None

    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.mean: Values = 0.0
        self.count: Values = 0.0

    def set_level(self, level: Values, shape: tuple[int, ...] | None) -> None:
        """Nothing here follows the level."""

    def end_epoch(self, returns: Any) -> None:
        """Nothing here was counted."""


def check_loss(loss: object, shape: tuple[int, ...] | None, parts: int) -> None:
    """Refuse a loss.

    Raises:
        MissingPackage: always.
    """
    raise missing_torch("calling a scheduler on a loss")


def is_compiling() -> bool:
    """Nothing is compiled."""
    return False
