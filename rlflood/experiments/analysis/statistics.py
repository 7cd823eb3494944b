"""Means with intervals, and paired comparisons of two methods on the same seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
EXACT_PAIRS = 50
"""Up to this many pairs that differ the signed-rank test is exact."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval; ``low`` and ``high`` are NaN for a single value."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the interval's width: the interval is ``mean`` plus or minus this."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval; False where there is no interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Paired:
    """How much one method differs from another on the same seeds.

    Attributes:
        difference: Mean difference with its t interval.
        p_value: Of the two-sided Wilcoxon signed-rank test; 1 if no repeat differs.
    """

    difference: Interval
    p_value: float


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """The mean of ``values``, shape ``(repeats,)``, with Student's t interval.

    Raises:
        ValueError: if there is no value, or one is not finite.
    """
    from scipy import stats

    array = _checked(values)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, float("nan"), float("nan"))
    error = float(array.std(ddof=1)) / np.sqrt(len(array))
    half = float(stats.t.ppf((1 + confidence) / 2, df=len(array) - 1)) * float(error)
    return Interval(mean, mean - half, mean + half)


def paired(values: ArrayLike, reference: ArrayLike, confidence: float = CONFIDENCE) -> Paired:
    """``values - reference``, pair by pair: both of shape ``(repeats,)``, the same seeds in the same places.

    Raises:
        ValueError: if the shapes differ, there is no value, or one is not finite.
    """
    first, second = _checked(values), _checked(reference)
    if first.shape != second.shape:
        raise ValueError(f"pairs need equal numbers of values: got {len(first)} and {len(second)}")
    differences = first - second
    return Paired(mean_interval(differences, confidence), signed_rank_p(differences))


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """The p-value of the two-sided Wilcoxon signed-rank test of pairs; 1 if no pair differs.

    SciPy's own exact test knows no ties, which accuracies on a few hundred examples always have; in their
    presence it turns to the normal approximation, or to a slow enumeration of signs.
    """
    from scipy import stats

    # .9 - .8 and .7 - .6 tie; without rounding their last bits would rank them
    steps = differences.round(12)
    steps = steps[steps != 0]
    if len(steps) > EXACT_PAIRS:
        return float(stats.wilcoxon(steps, method="asymptotic").pvalue)
    # chances of each sum of positive ranks where every sign is a fair coin; doubled, for ties have half ranks
    ranks = (2 * stats.rankdata(abs(steps))).astype(int)
    chances = np.ones(1)
    for rank in ranks:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    observed = int(ranks[steps > 0].sum())
    return min(1.0, 2 * float(min(chances[: observed + 1].sum(), chances[observed:].sum())))


def _checked(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError("give one finite value a repeat, for one repeat or more")
    return array
