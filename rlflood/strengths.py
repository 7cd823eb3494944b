"""The criteria by name, and the strength of each: its published setting, and which ones it can have."""

from dataclasses import dataclass
from math import inf
from typing import Literal, get_args

import numpy as np

from rlflood.errors import InputError, use_one_of
from rlflood.metrics import Values

CriterionName = Literal["cross-entropy", "gce", "sce", "elr", "label-smoothing", "mixup", "sam"]


@dataclass(frozen=True, slots=True)
class Strength:
    """The one number of a criterion.

    Attributes:
        called: What it is in the criterion's paper.
        published: The paper's setting.
        low, high: Between which it lies.
        with_low, with_high: Whether it may be as low, or as high.
    """

    called: str
    published: float
    low: float
    high: float = inf
    with_low: bool = False
    with_high: bool = False

    @property
    def bounds(self) -> str:
        """In words."""
        low = "" if self.low == -inf else f"{'at least' if self.with_low else 'above'} {self.low:g}"
        high = "" if self.high == inf else f"{'at most' if self.with_high else 'below'} {self.high:g}"
        return " and ".join(filter(None, (low, high)))

    def fits(self, values: Values) -> bool:
        """Whether all values are such strengths."""
        value = np.asarray(values)
        above = value >= self.low if self.with_low else value > self.low
        below = value <= self.high if self.with_high else value < self.high
        return bool((above & below & np.isfinite(value)).all())


STRENGTHS: dict[CriterionName, Strength] = {
    "gce": Strength("q", 0.7, low=0, high=1, with_high=True),
    "sce": Strength("beta", 1.0, low=0, with_low=True),
    "elr": Strength("lambda", 3.0, low=0, with_low=True),
    "label-smoothing": Strength("r", 0.1, low=-inf, high=1),
    "mixup": Strength("alpha", 1.0, low=0),
    "sam": Strength("rho", 0.05, low=0),
}
"""Of every criterion that has a strength: all but the cross-entropy."""


def check_criterion(name: str) -> None:
    """Raise an InputError unless there is a criterion of this name."""
    if name not in get_args(CriterionName):
        raise InputError(f"there is no criterion {name!r}: {use_one_of(str(name), get_args(CriterionName))}")


def checked_strength(criterion: CriterionName, strength: Values | None) -> Values:
    """A strength that the criterion can have; the published one for None, and 0 for the cross-entropy.

    Args:
        criterion: The criterion's name.
        strength: A number, or one for each replica.

    Raises:
        InputError: if the criterion cannot have it.
    """
    if criterion not in STRENGTHS:
        if strength is not None:
            raise InputError(f"the cross-entropy has no strength: leave it out, or use {_others()}")
        return 0.0
    own = STRENGTHS[criterion]
    if strength is None:
        return own.published
    if not own.fits(strength):
        raise InputError(
            f"the strength of {criterion}, its {own.called}, must be finite and {own.bounds}: got {strength}"
        )
    return strength


def _others() -> str:
    *most, last = STRENGTHS
    return f"one of the criteria {', '.join(most)} and {last}"
