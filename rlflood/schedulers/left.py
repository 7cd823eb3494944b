"""Runs that are left while their networks are held."""

import warnings
from dataclasses import dataclass

import numpy as np

from rlflood.errors import RlfloodWarning
from rlflood.metrics import Values


@dataclass(slots=True)
class Position:
    """Where a scheduler is in its run; it outlives the scheduler.

    Attributes:
        kind: The scheduler's.
        epoch: Epochs reported.
        epochs: Of the whole run; None if it is not told.
        level: The highest of its levels.
        floods: Whether it has flooded a loss itself, in somebody's own loop.
    """

    kind: str
    epoch: int = 0
    epochs: int | None = None
    level: float = 0.0
    floods: bool = False

    def move(self, epoch: int, epochs: int | None, level: Values, *, floods: bool) -> None:
        """Take in a new level."""
        self.epoch, self.epochs, self.level, self.floods = epoch, epochs, float(np.max(level)), floods


def warn_if_left(position: Position) -> None:
    """Say so where a run was broken off while its network was held; called when its scheduler is gone."""
    if position.epochs is None or not 0 < position.epoch < position.epochs:
        return
    if position.floods and position.level > 0:
        warnings.warn(
            f"A run under {position.kind} was left after {position.epoch} of {position.epochs} epochs, "
            f"held at a level of {position.level:.3g}: the network may be many points below its best. "
            "Take a checkpoint of the best validation accuracy, or go on from a saved state to the end, "
            "where it is let go (see `held`).",
            RlfloodWarning,
            stacklevel=2,
        )
