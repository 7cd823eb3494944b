"""Methods compared over tasks and seeds: aggregates, bootstrap intervals, profiles, ranks and tests.

A method's scores are an array of shape ``(tasks, seeds)``: accuracies, 0 to 1. Two methods are paired entry
by entry: the same task, the same seed. What to report, and the bootstrap over seeds within tasks, follow
R. Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice" (NeurIPS 2021).

Intervals are percentile bootstrap intervals. They are NaN with one seed, for then nothing is known of the
spread within a task. With few seeds, intervals over seeds are too narrow: by a factor of about
``sqrt(1 - 1/seeds)`` for a mean. Arrays of one shape meet the same draws for the same ``seed``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlflood.experiments.analysis.statistics import CONFIDENCE, Interval, signed_rank_p
from rlflood.metrics import Array

RESAMPLES = 2000

Statistic = Callable[[Array], Array]
"""From ``(..., tasks, seeds)`` to ``(...)``: one value for every resample at once."""
Drawn = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Tasks and seeds by index: scores indexed by the two have the shape ``(resamples, tasks, seeds)``."""
Draw = Callable[[tuple[int, ...], int, int], Drawn]


@dataclass(frozen=True, slots=True, eq=False)
class PerformanceProfile:
    """How the runs of a method spread: all arrays of shape ``(thresholds,)``.

    Attributes:
        thresholds: Scores, in the order given.
        share: Of the runs, 0 to 1, that score above each threshold.
        low: Lower end of the interval at each threshold; NaN with one seed.
        high: Upper end; NaN with one seed.
    """

    thresholds: Array
    share: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much one method differs from another on the same tasks and seeds.

    Attributes:
        over_seeds: Mean difference with its interval for claims about these very tasks: pairs resampled
            within each task.
        over_tasks: The same mean with its interval for claims about tasks not seen: tasks resampled first,
            then pairs within them. Rather too wide than too narrow in its share from seeds, which is in the
            spread of the tasks' means already. NaN with one task.
        p_value: Of the two-sided Wilcoxon signed-rank test over all pairs that differ; 1 if none does. Exact
            up to 50 of them, from the normal approximation beyond.
    """

    over_seeds: Interval
    over_tasks: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class GapShare:
    """What share of the gap between no search and an oracle a method closes: 0 for none of it, 1 for all.

    It may be below 0 or above 1. An interval is NaN also where a resample has no gap.

    Attributes:
        over_seeds: With its interval for claims about these very tasks, as in :class:`PairedDifference`.
        over_tasks: The same with its interval for claims about tasks not seen; NaN with one task.
    """

    over_seeds: Interval
    over_tasks: Interval


@dataclass(frozen=True, slots=True, eq=False)
class MeanRanks:
    """Mean ranks of methods, 1 for the best.

    Attributes:
        overall: Over all tasks and seeds, shape ``(methods,)``.
        per_task: Over the seeds of each task, shape ``(methods, tasks)``.
    """

    overall: Array
    per_task: Array


def mean(scores: ArrayLike) -> Array:
    """The mean over tasks and seeds, ``(..., tasks, seeds)`` to ``(...)``.

    Raises:
        ValueError: if there is no score, or one is not finite.
    """
    return np.asarray(_checked(scores).mean(axis=(-2, -1)))


def interquartile_mean(scores: ArrayLike) -> Array:
    """The mean of the middle half of all runs, whatever their task, ``(..., tasks, seeds)`` to ``(...)``.

    The lowest and the highest ``runs // 4`` are left out (Agarwal et al. 2021, section 4.3).

    Raises:
        ValueError: if there is no score, or one is not finite.
    """
    from scipy import stats

    array = _checked(scores)
    return np.asarray(stats.trim_mean(array.reshape(*array.shape[:-2], -1), 0.25, axis=-1))


def stratified_interval(
    scores: ArrayLike,
    statistic: Statistic,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Interval:
    """A statistic of one method's scores, as the interval's ``mean``, with its stratified bootstrap interval.

    Seeds are resampled within each task; the tasks stay (Agarwal et al. 2021, section 4.1).

    Args:
        scores: Shape ``(tasks, seeds)``.
        statistic: ``mean``, ``interquartile_mean``, or another function from ``(..., tasks, seeds)`` to
            ``(...)``.

    Raises:
        ValueError: if the scores have another shape or one is not finite, or an option is out of range.
    """
    array = _checked(scores, dimensions=2)
    estimate = float(statistic(array))
    if array.shape[1] < 2:
        return _unknown(estimate)
    drawn = _draw_seeds(array.shape, resamples, seed)
    return _interval(estimate, statistic(array[drawn]), confidence)


def performance_profile(
    scores: ArrayLike,
    thresholds: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> PerformanceProfile:
    """The share of runs that score above each threshold, with a pointwise stratified bootstrap band.

    The run-score distribution of Agarwal et al. 2021, section 4.2.

    Args:
        scores: Shape ``(tasks, seeds)``.
        thresholds: Shape ``(thresholds,)``, in any order.

    Raises:
        ValueError: if an array has another shape, is empty or not finite, or an option is out of range.
    """
    array, levels = _checked(scores, dimensions=2), _checked(thresholds, dimensions=1)
    above = (array.reshape(-1, 1) > levels).astype(np.float64)
    share = above.mean(axis=0)
    if array.shape[1] < 2:
        unknown = np.full_like(share, np.nan)
        return PerformanceProfile(levels, share, unknown, unknown)
    counts = _counts(_draw_seeds(array.shape, resamples, seed)[1])
    resampled = counts.reshape(resamples, -1) @ above / array.size
    low, high = np.quantile(resampled, _tails(confidence), axis=0)
    return PerformanceProfile(levels, share, low, high)


def probability_of_improvement(
    values: ArrayLike,
    reference: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The probability that a run of one method scores above a run of another on the same task.

    The mean over tasks of the Mann-Whitney statistic: ``P(values > reference) + P(values = reference) / 2``
    over all combinations of two seeds (Agarwal et al. 2021, section 4.3). The bootstrap draws pairs, not each
    method's seeds for themselves: what makes a seed easy for both methods is no evidence for either.

    Args:
        values: Shape ``(tasks, seeds)``.
        reference: The same shape, the same tasks and seeds in the same places.

    Raises:
        ValueError: if the shapes differ, a score is not finite, or an option is out of range.
    """
    first, second = _checked_pair(values, reference)
    wins = np.heaviside(first[:, :, None] - second[:, None, :], 0.5)
    estimate = float(wins.mean())
    if first.shape[1] < 2:
        return _unknown(estimate)
    # how often each pair was drawn weighs a table of wins that is made once: (tasks, resamples, seeds)
    counts = _counts(_draw_seeds(first.shape, resamples, seed)[1]).transpose(1, 0, 2)
    resampled = ((counts @ wins) * counts).sum(axis=(0, 2)) / wins.size
    return _interval(estimate, resampled, confidence)


def paired_difference(
    values: ArrayLike,
    reference: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> PairedDifference:
    """``values - reference``, pair by pair: the mean over tasks and seeds, with two intervals and a test.

    The test takes all pairs for independent: like ``over_seeds``, it speaks of these tasks.

    Args:
        values: Shape ``(tasks, seeds)``.
        reference: The same shape, the same tasks and seeds in the same places.

    Raises:
        ValueError: if the shapes differ, a score is not finite, or an option is out of range.
    """
    first, second = _checked_pair(values, reference)
    differences = first - second
    over_seeds = stratified_interval(differences, mean, resamples=resamples, seed=seed, confidence=confidence)
    return PairedDifference(
        over_seeds=over_seeds,
        over_tasks=_interval_over_tasks(differences, resamples, seed, confidence),
        p_value=signed_rank_p(differences),
    )


def gap_share(
    values: ArrayLike,
    floor: ArrayLike,
    ceiling: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> GapShare | None:
    """``(values - floor) / (ceiling - floor)``, a ratio of means over all tasks and seeds.

    Not a mean of ratios: the gap of a single task may be nearly 0. Every resample draws the same tasks and
    seeds for all three.

    Args:
        values: Shape ``(tasks, seeds)``.
        floor: What the gap begins at, the same tasks and seeds in the same places.
        ceiling: What it ends at, likewise.

    Returns:
        None if the ceiling is not above the floor on average: there is no gap.

    Raises:
        ValueError: if the shapes differ, a score is not finite, or an option is out of range.
    """
    own, below = _checked_pair(values, floor)
    above, _ = _checked_pair(ceiling, floor)
    gains, gaps = own - below, above - below
    if not gaps.mean() > 0:
        return None
    estimate = float(gains.mean() / gaps.mean())

    def interval(draw: Draw, least: int) -> Interval:
        if least < 2:
            return _unknown(estimate)
        drawn = draw(gains.shape, resamples, seed)
        resampled = mean(gaps[drawn])
        if not (resampled > 0).all():
            return _unknown(estimate)
        return _interval(estimate, mean(gains[drawn]) / resampled, confidence)

    return GapShare(interval(_draw_seeds, gains.shape[1]), interval(_draw_tasks, min(gains.shape)))


def holm(p_values: ArrayLike) -> Array:
    """P-values of several tests, shape ``(tests,)``, adjusted by Holm's procedure, in the same order.

    A test whose adjusted value is at most ``alpha`` is rejected, at a probability of at most ``alpha`` of one
    false rejection or more, however the tests depend on each other (S. Holm, "A simple sequentially rejective
    multiple test procedure", Scandinavian Journal of Statistics 1979). No test gives no value.

    Raises:
        ValueError: if the array is not one-dimensional, or a value is not between 0 and 1.
    """
    array = np.asarray(p_values, np.float64)
    # a NaN is not between 0 and 1 either
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("give one p-value a test, between 0 and 1")
    order = array.argsort(kind="stable")
    steps = np.maximum.accumulate(array[order] * np.arange(len(array), 0, -1))
    adjusted = np.empty_like(array)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def mean_ranks(scores: ArrayLike) -> MeanRanks:
    """Methods ranked within each task and seed, highest score first, ties averaged.

    Args:
        scores: Shape ``(methods, tasks, seeds)``.

    Raises:
        ValueError: if the scores have another shape, there is none, or one is not finite.
    """
    from scipy import stats

    ranks = stats.rankdata(-_checked(scores, dimensions=3), axis=0)
    return MeanRanks(overall=ranks.mean(axis=(1, 2)), per_task=ranks.mean(axis=2))


def _interval_over_tasks(scores: Array, resamples: int, seed: int, confidence: float) -> Interval:
    """The mean with its interval for claims about tasks not seen."""
    estimate = float(mean(scores))
    if min(scores.shape) < 2:
        return _unknown(estimate)
    drawn = _draw_tasks(scores.shape, resamples, seed)
    return _interval(estimate, mean(scores[drawn]), confidence)


# a study's methods all have one shape, and drawing takes as long as what is done with the draws
@lru_cache(maxsize=4)
def _draw_seeds(shape: tuple[int, ...], resamples: int, seed: int) -> Drawn:
    """All tasks, and seeds with replacement for each of them."""
    return np.arange(shape[0])[:, None], _draws(shape, resamples, np.random.default_rng(seed))


@lru_cache(maxsize=4)
def _draw_tasks(shape: tuple[int, ...], resamples: int, seed: int) -> Drawn:
    """Tasks with replacement, and seeds for each time that a task is drawn."""
    generator = np.random.default_rng(seed)
    tasks = generator.integers(shape[0], size=(resamples, shape[0], 1))
    return tasks, _draws(shape, resamples, generator)


def _draws(shape: tuple[int, ...], resamples: int, generator: np.random.Generator) -> NDArray[np.int64]:
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more: got {resamples}")
    return generator.integers(shape[-1], size=(resamples, *shape))


def _counts(drawn: NDArray[np.int64]) -> Array:
    """How often each seed was drawn, in the shape of the draws."""
    seeds = drawn.shape[-1]
    offsets = np.arange(0, drawn.size, seeds).reshape(*drawn.shape[:-1], 1)
    counts = np.bincount((drawn + offsets).ravel(), minlength=drawn.size)
    return counts.reshape(drawn.shape).astype(np.float64)


def _interval(estimate: float, resampled: Array, confidence: float) -> Interval:
    low, high = np.quantile(resampled, _tails(confidence))
    return Interval(estimate, float(low), float(high))


def _unknown(estimate: float) -> Interval:
    return Interval(estimate, float("nan"), float("nan"))


def _tails(confidence: float) -> tuple[float, float]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1: got {confidence}")
    return (1 - confidence) / 2, (1 + confidence) / 2


def _checked(values: ArrayLike, dimensions: int | None = None) -> Array:
    """Finite values of ``dimensions`` dimensions; of two or more where there is no number given."""
    array = np.asarray(values, np.float64)
    right = array.ndim >= 2 if dimensions is None else array.ndim == dimensions
    if not right or not array.size or not np.isfinite(array).all():
        wanted = "two dimensions or more" if dimensions is None else f"{dimensions} dimension(s)"
        raise ValueError(f"give finite values, one or more, in {wanted}: got shape {array.shape}")
    return array


def _checked_pair(values: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    first, second = _checked(values, dimensions=2), _checked(reference, dimensions=2)
    if first.shape != second.shape:
        raise ValueError(f"pairs need equal shapes: got {first.shape} and {second.shape}")
    return first, second
