"""What may be a flood level."""

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Values
from rlflood.schedulers.reports import MetricLike, to_array


def checked_level(value: MetricLike) -> Values:
    """A level as a float, or as a float64 array of shape ``(replicas,)`` of its own.

    Raises:
        ValueError: if it has more dimensions, is negative or is not finite.
    """
    level = to_array(value)
    if level.ndim > 1:
        raise ValueError(f"A level must be a number or have shape (replicas,), not {level.shape}.")
    check_levels(level)
    return level if level.ndim else float(level)


def check_levels(levels: NDArray[np.float64]) -> None:
    """Raise a ValueError unless all levels are finite and none is negative."""
    wrong = levels[~(np.isfinite(levels) & (levels >= 0))]
    if wrong.size:
        raise ValueError(f"A flood level must be finite and not negative, not {wrong[0]}.")
