"""Test accuracy against budget, and methods compared at equal numbers of runs."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rlflood.experiments.analysis.aggregates import (
    PairedDifference,
    mean,
    paired_difference,
    stratified_interval,
)
from rlflood.experiments.analysis.statistics import Interval
from rlflood.experiments.methods import METHODS, MethodName
from rlflood.experiments.methods.best_of import BestOf
from rlflood.experiments.methods.controller import controller_of
from rlflood.experiments.methods.name import BEST_OF
from rlflood.experiments.runs.record import ViewMoment, score_field
from rlflood.experiments.runs.selection import incumbents
from rlflood.experiments.study.results import Results
from rlflood.metrics import Array

RUN_COUNTS = (1, 3, 5, 11)
"""Numbers of runs at which methods are compared."""

Budgets: TypeAlias = tuple[Array, Array]
"""Budgets in whole training runs, shape ``(budgets,)``, and the test accuracies with each of them, shape
``(budgets, tasks, repeats)``."""


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


@dataclass(frozen=True, slots=True)
class AtRuns:
    """A method with one number of runs.

    Attributes:
        accuracy: Test accuracy over tasks and repeats.
        difference: Less that of the reference with as many runs, paired; None for the reference, or without.
    """

    accuracy: Interval
    difference: PairedDifference | None


@dataclass(frozen=True, slots=True)
class RunsRow:
    """A method with each number of runs that it can be had with.

    Attributes:
        name: The method's name, K for the number of runs: ``grid:K``.
        look: The method of the study that it is drawn as.
        oracle: Whether it saw the test split.
        at: By number of runs.
    """

    name: str
    look: str
    oracle: bool
    at: dict[int, AtRuns]


@dataclass(frozen=True, slots=True)
class EqualRuns:
    """Methods at equal numbers of runs.

    A search that can be stopped after any run is taken after its first ``k``, unless the study has it with a
    budget of ``k``; a grid is taken with that budget only, for the first levels of a grid are no grid.

    Attributes:
        counts: Numbers of runs that a method other than an oracle can be had with.
        reference: The row that differences are taken from, several runs of a controller; None without one.
        rows: The reference first, methods of one run after the searches, oracles last; else as in the study.
    """

    counts: tuple[int, ...]
    reference: str | None
    rows: tuple[RunsRow, ...]


def accuracy_by_budget(
    results: Results,
    tasks: Sequence[str],
    method: str,
    repeats: list[int],
    moment: ViewMoment,
    *,
    noisy: bool,
) -> Budgets:
    """What a method reaches with each budget that it can be had with: one, if it cannot be stopped early."""
    first = results.records[tasks[0], method].search
    spent = [runs_spent(results, task, method, repeats) for task in tasks]
    if first is None or not first.anytime:
        scores = [results.scores(task, method, repeats, moment=moment, noisy=noisy) for task in tasks]
        return np.array([np.mean([runs.mean() for runs in spent])]), np.stack(scores)[None]
    # as far as the search went, which may be less or more than the study's budget: `random:51`
    budgets = np.arange(1.0, np.ceil(max(runs.max() for runs in spent)) + 1)
    curves = np.stack([_anytime(results, task, method, repeats, moment, noisy, budgets) for task in tasks])
    # a budget that no candidate fits into for some repeat has no accuracy yet
    usable = np.isfinite(curves).all(axis=(0, 1))
    return budgets[usable], np.moveaxis(curves[..., usable], -1, 0)


def runs_spent(results: Results, task: str, method: str, repeats: Sequence[int]) -> Array:
    """What each repeat spent, in whole training runs."""
    record = results.records[task, method]
    spent = record.epochs_spent[results.rows(task, method, repeats)]
    runs: Array = spent / record.levels.shape[1]
    return runs


def budget_curve(method: str, budgets: Budgets) -> BudgetCurve:
    """The curve with its intervals over seeds."""
    runs, scores = budgets
    return BudgetCurve(method, runs, tuple(stratified_interval(score, mean) for score in scores))


def equal_runs(results: Results, budgets: Mapping[str, Budgets]) -> EqualRuns | None:
    """Compare methods at equal numbers of runs.

    Args:
        results: Of the study.
        budgets: Of the methods compared, by name, in the study's order.

    Returns:
        None if there are no two of them, or none can be had with more than one run of :data:`RUN_COUNTS`.
    """
    families: dict[str, list[str]] = {}
    for method in budgets:
        families.setdefault(family(method), []).append(method)
    reached = {
        name: {
            count: score
            for count in RUN_COUNTS
            if (score := _with_runs([budgets[method] for method in methods], count)) is not None
        }
        for name, methods in families.items()
    }
    oracles = {family(method.name) for method in results.methods if method.oracle}
    users = [scores for name, scores in reached.items() if name not in oracles]
    counts = tuple(count for count in RUN_COUNTS if any(count in scores for scores in users))
    if not counts or counts[-1] == 1:
        return None
    reference = _reference(results, budgets)
    base = reached[reference] if reference is not None else {}
    rows = []
    for name, scores in reached.items():
        at = {}
        for count, score in scores.items():
            against = base.get(count) if name != reference else None
            difference = None if against is None else paired_difference(score, against)
            at[count] = AtRuns(stratified_interval(score, mean), difference)
        if at:
            rows.append(RunsRow(name, families[name][0], name in oracles, at))
    if len(rows) == 1:
        return None
    rows.sort(key=lambda row: (row.name != reference, row.oracle, set(row.at) == {1}))
    return EqualRuns(counts, reference, tuple(rows))


def family(method: str) -> str:
    """A method's name with K for its number of runs, whether the name says the number or the study does."""
    name = MethodName.parse(method)
    if name.kind == BEST_OF and name.nested is not None:
        return f"{name.kind}:K:{name.nested[1]}"
    counted = name.kind in METHODS and METHODS[name.kind].argument in ("RUNS", "LEVELS")
    return f"{name.kind}:K" if counted else method


def _reference(results: Results, methods: Container[str]) -> str | None:
    """Several runs of the first controller that the study has them of."""
    return next(
        (
            family(method.name)
            for method in results.methods
            if isinstance(method, BestOf) and controller_of(method) is not None and method.name in methods
        ),
        None,
    )


def _with_runs(members: Sequence[Budgets], count: int) -> Array | None:
    """The scores of a search with so many runs: the one of that budget, or else the shortest longer one."""
    able = [(runs[-1], scores[runs == count][0]) for runs, scores in members if count in runs]
    return min(able, key=lambda one: one[0])[1] if able else None


def _anytime(
    results: Results,
    task: str,
    method: str,
    repeats: list[int],
    moment: ViewMoment,
    noisy: bool,
    budgets: Array,
) -> Array:
    """What the search would have reached with each budget: shape ``(repeats, budgets)``."""
    record, rows = results.records[task, method], results.rows(task, method, repeats)
    assert record.search is not None
    search, own = record.search, record.moment(moment)
    tests = getattr(search, score_field(own, noisy=noisy))
    accuracy = np.take_along_axis(tests, incumbents(search, own), axis=1)[rows]
    spent = search.epochs.cumsum(axis=1)[rows] / record.levels.shape[1]
    last = (spent[:, :, None] <= budgets + 1e-9).sum(axis=1) - 1
    reached = np.take_along_axis(accuracy, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, reached, np.nan)
