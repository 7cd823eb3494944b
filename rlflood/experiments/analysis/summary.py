"""What a study's results come to: the figures that its page, tables and pictures show."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.analysis.aggregates import (
    GapShare,
    PairedDifference,
    PerformanceProfile,
    gap_share,
    holm,
    interquartile_mean,
    mean,
    mean_ranks,
    paired_difference,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)
from rlflood.experiments.analysis.budgets import (
    BudgetCurve,
    EqualRuns,
    accuracy_by_budget,
    budget_curve,
    equal_runs,
    runs_spent,
)
from rlflood.experiments.analysis.statistics import Interval, Paired, mean_interval, paired
from rlflood.experiments.runs.record import ViewMoment
from rlflood.experiments.study.results import Results
from rlflood.metrics import Array
from rlflood.training.trainer import Moment

NO_FLOODING = "none"
"""The method that the gap to an oracle begins at."""
_PROFILE_POINTS = 101


@dataclass(frozen=True, slots=True)
class Standing:
    """One method over all tasks; accuracies from 0 to 1.

    Attributes:
        method: Its name.
        oracle: Whether it saw the test split.
        network: Which of its runs' four networks the figures are of.
        mean: Test accuracy over tasks and repeats.
        interquartile: Its mean without the lowest and the highest quarter of the runs.
        difference: Test accuracy less that of the reference, paired; None for the reference.
        adjusted_p: The difference's Wilcoxon p after Holm's correction over all methods; None likewise.
        improvement: Chance that a run of it beats one of the reference on the same task; None likewise.
        gap: Share that it closes of the gap between no flooding and the oracle; None for these two, without
            one of them, or where there is no gap.
        rank: Among all methods on the same task and seed, 1 the best, averaged.
        runs: Budget: epochs spent in whole training runs, averaged over tasks and repeats.
        diverged: Runs, over tasks and repeats, whose loss was not finite at the end.
    """

    method: str
    oracle: bool
    network: Moment
    mean: Interval
    interquartile: Interval
    difference: PairedDifference | None
    adjusted_p: float | None
    improvement: Interval | None
    gap: GapShare | None
    rank: float
    runs: float
    diverged: int


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
        diverged: Repeats whose loss was not finite at the end.
    """

    task: str
    method: str
    accuracy: Interval
    difference: Paired | None
    runs: float
    knob: str | None
    picked: tuple[float, ...]
    diverged: int


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A study in figures, of one of the runs' networks and against one kind of test labels.

    Attributes:
        moment: Which network of a run.
        noisy: Whether test labels have the task's noise.
        reference: The method that differences are taken from.
        oracle: The oracle that gaps end at, the best one; None without one or without no flooding.
        tasks: Names of the tasks that are compared.
        repeats: Numbers of the repeats that all methods have on all tasks.
        standings: The methods over all tasks, the best mean first.
        cells: Each method on each task.
        budgets: Accuracy against budget, in the study's order of methods.
        equal_runs: Methods at equal numbers of runs; None if all are of one run.
        profiles: By method's name, the share of runs above each accuracy.
    """

    moment: ViewMoment
    noisy: bool
    reference: str
    oracle: str | None
    tasks: tuple[str, ...]
    repeats: tuple[int, ...]
    standings: tuple[Standing, ...]
    cells: tuple[Cell, ...]
    budgets: tuple[BudgetCurve, ...]
    equal_runs: EqualRuns | None
    profiles: dict[str, PerformanceProfile]


# page, figures and tables of one report show the same summaries
@lru_cache(maxsize=12)
def summarise(results: Results, moment: ViewMoment, *, noisy: bool | None = None) -> Summary:
    """Compare what is comparable in a study.

    Args:
        results: Of a study that may still be running: what all methods have done is compared.
        moment: Which network of a run; ``deployed`` takes each method at the one that its user would deploy.
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
    budgets = {
        method: accuracy_by_budget(results, tasks, method, repeats, moment, noisy=noisy) for method in methods
    }
    oracles = {method.name for method in results.methods if method.oracle}
    networks = {method: results.records[tasks[0], method].moment(moment) for method in methods}
    runs = {
        method: float(np.mean([runs_spent(results, task, method, repeats).mean() for task in tasks]))
        for method in methods
    }
    diverged = {method: sum(results.diverged(task, method, repeats) for task in tasks) for method in methods}
    return Summary(
        moment,
        noisy,
        reference,
        gap_oracle(scores, oracles),
        tuple(tasks),
        tuple(repeats),
        standings(scores, networks, reference, oracles, runs, diverged),
        tuple(_cell(results, task, method, repeats, moment, noisy) for task in tasks for method in methods),
        tuple(budget_curve(method, budgets[method]) for method in methods),
        equal_runs(results, budgets),
        {method: performance_profile(score, thresholds) for method, score in scores.items()},
    )


def gap_oracle(scores: Mapping[str, Array], oracles: Collection[str]) -> str | None:
    """The oracle that gaps end at: see :class:`Summary`."""
    known = [method for method in scores if method in oracles]
    if not known or NO_FLOODING not in scores:
        return None
    return max(known, key=lambda oracle: float(scores[oracle].mean()))


def standings(
    scores: Mapping[str, Array],
    networks: Mapping[str, Moment],
    reference: str,
    oracles: Collection[str],
    runs: Mapping[str, float],
    diverged: Mapping[str, int],
) -> tuple[Standing, ...]:
    """The methods over all tasks, the best mean first.

    Args:
        scores: Test accuracies by method, in the study's order, each of shape ``(tasks, seeds)``.
        networks: By method, which network of its runs they are of.
        reference: The method that differences are taken from.
        oracles: The methods that saw the test split.
        runs: By method, its budget in whole training runs.
        diverged: By method, how many of its runs diverged.
    """
    base, others = scores[reference], [method for method in scores if method != reference]
    differences = {method: paired_difference(scores[method], base) for method in others}
    adjusted = (
        dict(zip(others, holm([differences[m].p_value for m in others]), strict=True)) if others else {}
    )
    ranks = mean_ranks(np.stack(list(scores.values()))).overall
    oracle = gap_oracle(scores, oracles)
    gaps = {
        method: gap_share(score, scores[NO_FLOODING], scores[oracle])
        for method, score in scores.items()
        if oracle is not None and method not in (NO_FLOODING, oracle)
    }
    found = [
        Standing(
            method,
            method in oracles,
            networks[method],
            stratified_interval(score, mean),
            stratified_interval(score, interquartile_mean),
            differences.get(method),
            float(adjusted[method]) if method in adjusted else None,
            probability_of_improvement(score, base) if method in differences else None,
            gaps.get(method),
            float(rank),
            runs[method],
            diverged[method],
        )
        for (method, score), rank in zip(scores.items(), ranks, strict=True)
    ]
    return tuple(sorted(found, key=lambda standing: -standing.mean.mean))


def _cell(
    results: Results, task: str, method: str, repeats: list[int], moment: ViewMoment, noisy: bool
) -> Cell:
    score = results.scores(task, method, repeats, moment=moment, noisy=noisy)
    difference = None
    if method != results.study.reference:
        base = results.scores(task, results.study.reference, repeats, moment=moment, noisy=noisy)
        difference = paired(score, base)
    record = results.records[task, method]
    search, picked = record.search, tuple[float, ...]()
    if search is not None:
        values = search.picked_value(record.moment(moment))
        picked = tuple(float(v) for v in values[results.rows(task, method, repeats)])
    return Cell(
        task,
        method,
        mean_interval(score),
        difference,
        float(runs_spent(results, task, method, repeats).mean()),
        None if search is None else search.knob,
        picked,
        results.diverged(task, method, repeats),
    )
