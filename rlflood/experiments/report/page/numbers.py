"""Numbers as the page carries them: few enough, and short enough, for a file of a few megabytes."""

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlflood.experiments.analysis.statistics import Interval
from rlflood.metrics import Array

MOST_POINTS = 120
_DIGITS = 5

Number: TypeAlias = float | None
"""A number of JSON; None is one that is not finite."""


def short(value: float) -> Number:
    """The value to five significant digits; None if it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{_DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def shortened(values: Iterable[float]) -> list[Number]:
    """:func:`short` of each."""
    return [short(float(value)) for value in values]


def interval(value: Interval) -> list[Number]:
    """Mean, lower and upper end."""
    return shortened((value.mean, value.low, value.high))


def thinned(points: int, most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Which of so many points to draw: at most ``most``, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, points - 1, min(points, most)).round().astype(np.int64))


def spread(curves: ArrayLike) -> dict[str, Any]:
    """What the repeats of a curve, shape ``(repeats, points)``, come to at each point.

    Returns:
        ``mid``, the median, and ``low`` and ``high``, between which the middle half of the repeats lies;
        repeats that are not finite at a point are left out there. One number stands for a constant curve.
        The two ends are left out where they tell nothing: one repeat, or all alike.
    """
    array = np.asarray(curves, np.float64)
    # in order, what is not finite last: np.nanquantile goes point by point, minutes for a wide study
    ordered = np.sort(np.where(np.isfinite(array), array, np.nan), axis=0)
    known = np.isfinite(ordered).sum(axis=0)
    places = np.multiply.outer((0.25, 0.5, 0.75), np.maximum(known - 1, 0))
    before, after = np.floor(places).astype(np.int64), np.ceil(places).astype(np.int64)
    first, second = (np.take_along_axis(ordered, place, axis=0) for place in (before, after))
    quartiles = first + (places - before) * (second - first)
    low, middle, high = (_constant_or_list(quartile) for quartile in quartiles)
    if low == middle == high:
        return {"mid": middle}
    return {"mid": middle, "low": low, "high": high}


def _constant_or_list(values: Array) -> Number | list[Number]:
    numbers = shortened(values)
    return numbers[0] if numbers and all(number == numbers[0] for number in numbers) else numbers
