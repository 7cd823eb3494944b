"""What a study's results come to: the figures that its page, tables and pictures show."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.aggregates import (
    PairedDifference,
    PerformanceProfile,
    holm,
    interquartile_mean,
    mean,
    mean_ranks,
    paired_difference,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)
from rlflood.experiments.record import Array, Moment
from rlflood.experiments.results import Results
from rlflood.experiments.selection import incumbents
from rlflood.experiments.statistics import Interval, Paired, mean_interval, paired

_PROFILE_POINTS = 101


@dataclass(frozen=True, slots=True)
class Standing:
    """One method over all tasks; accuracies from 0 to 1.

    Attributes:
        method: Its name.
        oracle: Whether it saw the test split.
        mean: Test accuracy over tasks and repeats.
        interquartile: Its mean without the lowest and the highest quarter of the runs.
        difference: Test accuracy less that of the reference, paired; None for the reference.
        adjusted_p: The difference's Wilcoxon p after Holm's correction over all methods; None likewise.
        improvement: Chance that a run of it beats one of the reference on the same task; None likewise.
        rank: Among all methods on the same task and seed, 1 the best, averaged.
        runs: Budget: epochs spent in whole training runs, averaged over tasks and repeats.
    """

    method: str
    oracle: bool
    mean: Interval
    interquartile: Interval
    difference: PairedDifference | None
    adjusted_p: float | None
    improvement: Interval | None
    rank: float
    runs: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One method on one task.

    Attributes:
        task: The task's name.
        method: The method's name.
        accuracy: Test accuracy over repeats.
        difference: Less that of the reference, paired; None for the reference.
        runs: Epochs spent in whole training runs.
        knob: What the method searched for; None if nothing.
        picked: The settings that it picked, one a repeat; empty if none.
    """

    task: str
    method: str
    accuracy: Interval
    difference: Paired | None
    runs: float
    knob: str | None
    picked: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BudgetCurve:
    """Test accuracy against budget.

    Attributes:
        method: The method's name.
        runs: Budgets in whole training runs; one point for a method that cannot be stopped early.
        accuracy: With each budget, over tasks and repeats.
    """

    method: str
    runs: Array
    accuracy: tuple[Interval, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A study in figures, at one moment of the runs and against one kind of test labels.

    Attributes:
        moment: After the last epoch, or at the best validation accuracy.
        noisy: Whether test labels have the task's noise.
        reference: The method that differences are taken from.
        tasks: Names of the tasks that are compared.
        repeats: Numbers of the repeats that all methods have on all tasks.
        standings: The methods over all tasks, the best mean first.
        cells: Each method on each task.
        budgets: Accuracy against budget, in the study's order of methods.
        profiles: By method's name, the share of runs above each accuracy.
    """

    moment: Moment
    noisy: bool
    reference: str
    tasks: tuple[str, ...]
    repeats: tuple[int, ...]
    standings: tuple[Standing, ...]
    cells: tuple[Cell, ...]
    budgets: tuple[BudgetCurve, ...]
    profiles: dict[str, PerformanceProfile]


# page, figures and tables of one report show the same summaries
@lru_cache(maxsize=8)
def summarise(results: Results, moment: Moment, *, noisy: bool | None = None) -> Summary:
    """Compare what is comparable in a study.

    Args:
        results: Of a study that may still be running: what all methods have done is compared.
        moment: After the last epoch, or at the best validation accuracy.
        noisy: Test labels with the task's noise; as the study says if not given.

    Raises:
        InputError: if there is nothing to compare yet.
    """
    noisy = results.study.noisy_test if noisy is None else noisy
    tasks, methods, repeats = results.comparable
    reference = results.study.reference
    if not (tasks and repeats and reference in methods):
        raise InputError(
            f"the study {results.study.name} has nothing to compare yet: {reference!r} and the other methods "
            "need one repeat in common; let `rlflood benchmark` go on"
        )
    scores = {
        method: np.stack(
            [results.scores(task, method, repeats, moment=moment, noisy=noisy) for task in tasks]
        )
        for method in methods
    }
    lowest = min(float(score.min()) for score in scores.values())
    thresholds = np.linspace(np.floor(20 * lowest) / 20, 1.0, _PROFILE_POINTS)
    return Summary(
        moment,
        noisy,
        reference,
        tuple(tasks),
        tuple(repeats),
        _standings(results, tasks, repeats, scores),
        tuple(_cell(results, task, method, repeats, moment, noisy) for task in tasks for method in methods),
        tuple(_budget_curve(results, tasks, method, repeats, moment, noisy) for method in methods),
        {method: performance_profile(score, thresholds) for method, score in scores.items()},
    )


def _standings(
    results: Results, tasks: Sequence[str], repeats: Sequence[int], scores: dict[str, Array]
) -> tuple[Standing, ...]:
    base, others = scores[results.study.reference], [m for m in scores if m != results.study.reference]
    differences = {method: paired_difference(scores[method], base) for method in others}
    adjusted = (
        dict(zip(others, holm([differences[m].p_value for m in others]), strict=True)) if others else {}
    )
    ranks = mean_ranks(np.stack(list(scores.values()))).overall
    oracles = {method.name for method in results.methods if method.oracle}
    standings = [
        Standing(
            method,
            method in oracles,
            stratified_interval(score, mean),
            stratified_interval(score, interquartile_mean),
            differences.get(method),
            float(adjusted[method]) if method in adjusted else None,
            probability_of_improvement(score, base) if method in differences else None,
            float(rank),
            float(np.mean([_runs(results, task, method, repeats).mean() for task in tasks])),
        )
        for (method, score), rank in zip(scores.items(), ranks, strict=True)
    ]
    return tuple(sorted(standings, key=lambda standing: -standing.mean.mean))


def _cell(results: Results, task: str, method: str, repeats: list[int], moment: Moment, noisy: bool) -> Cell:
    score = results.scores(task, method, repeats, moment=moment, noisy=noisy)
    difference = None
    if method != results.study.reference:
        base = results.scores(task, results.study.reference, repeats, moment=moment, noisy=noisy)
        difference = paired(score, base)
    search = results.records[task, method].search
    picked: tuple[float, ...] = ()
    if search is not None:
        number = getattr(search, moment)
        values = search.values[np.arange(len(number)), number]
        picked = tuple(float(v) for v in values[results.rows(task, method, repeats)])
    return Cell(
        task,
        method,
        mean_interval(score),
        difference,
        float(_runs(results, task, method, repeats).mean()),
        None if search is None else search.knob,
        picked,
    )


def _runs(results: Results, task: str, method: str, repeats: Sequence[int]) -> Array:
    """What each repeat spent, in whole training runs."""
    record = results.records[task, method]
    spent = record.epochs_spent[results.rows(task, method, repeats)]
    runs: Array = spent / record.levels.shape[1]
    return runs


def _budget_curve(
    results: Results, tasks: Sequence[str], method: str, repeats: list[int], moment: Moment, noisy: bool
) -> BudgetCurve:
    first = results.records[tasks[0], method].search
    if first is None or not first.anytime:
        scores = [results.scores(task, method, repeats, moment=moment, noisy=noisy) for task in tasks]
        runs = float(np.mean([_runs(results, task, method, repeats).mean() for task in tasks]))
        return BudgetCurve(method, np.array([runs]), (stratified_interval(np.stack(scores), mean),))
    # as far as the search went, which may be less or more than the study's budget: `random:51`
    budgets = np.arange(1.0, np.ceil(max(_runs(results, task, method, repeats).max() for task in tasks)) + 1)
    curves = np.stack([_anytime(results, task, method, repeats, moment, noisy, budgets) for task in tasks])
    # a budget that no candidate fits into for some repeat has no accuracy yet
    usable = np.isfinite(curves).all(axis=(0, 1))
    intervals = [stratified_interval(curves[..., b], mean) for b in np.flatnonzero(usable)]
    return BudgetCurve(method, budgets[usable], tuple(intervals))


def _anytime(
    results: Results,
    task: str,
    method: str,
    repeats: list[int],
    moment: Moment,
    noisy: bool,
    budgets: Array,
) -> Array:
    """What the search would have reached with each budget: shape ``(repeats, budgets)``."""
    record, rows = results.records[task, method], results.rows(task, method, repeats)
    assert record.search is not None
    search = record.search
    tests = getattr(search, f"{'noisy_' if noisy else ''}test_acc_{moment}")
    accuracy = np.take_along_axis(tests, incumbents(search, moment), axis=1)[rows]
    spent = search.epochs.cumsum(axis=1)[rows] / record.levels.shape[1]
    last = (spent[:, :, None] <= budgets + 1e-9).sum(axis=1) - 1
    reached = np.take_along_axis(accuracy, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, reached, np.nan)
