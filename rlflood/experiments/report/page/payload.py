"""What the page's tables and charts over all tasks draw, as plain JSON values."""

from typing import Any

import numpy as np

from rlflood.experiments.analysis.budgets import AtRuns, EqualRuns
from rlflood.experiments.analysis.statistics import mean_interval
from rlflood.experiments.analysis.summary import Cell, Standing, Summary, summarise
from rlflood.experiments.report.figures.palette import styles
from rlflood.experiments.report.page.numbers import interval, short, shortened
from rlflood.experiments.report.text.captions import NETWORKS, VIEW_MOMENTS, View
from rlflood.experiments.study.results import Results


def comparison(results: Results) -> dict[str, Any]:
    """Methods with their looks, and the summaries by :attr:`View.key`.

    Methods and tasks are numbers, their places in the study.

    Raises:
        InputError: if there is nothing to compare yet.
    """
    tasks, _, repeats = results.comparable
    return {
        **names(results),
        "compared": {"tasks": len(tasks), "repeats": len(repeats)},
        "views": {
            View(moment, noisy).key: _view(results, summarise(results, moment, noisy=noisy))
            for moment in VIEW_MOMENTS
            for noisy in (False, True)
        },
    }


def names(results: Results) -> dict[str, Any]:
    """Tasks and methods by their places in the study, with the looks of the methods."""
    look = styles([method.name for method in results.methods])
    return {
        "reference": _places(results)[1][results.study.reference],
        "tasks": [task.name for task in results.study.tasks],
        "methods": [
            {
                "name": method.name,
                "oracle": method.oracle,
                "light": look[method.name].colour_light,
                "dark": look[method.name].colour_dark,
                "dash": look[method.name].dash,
                "marker": look[method.name].marker,
            }
            for method in results.methods
        ],
    }


def _places(results: Results) -> tuple[dict[str, int], dict[str, int]]:
    tasks = {task.name: place for place, task in enumerate(results.study.tasks)}
    return tasks, {method.name: place for place, method in enumerate(results.methods)}


def _view(results: Results, summary: Summary) -> dict[str, Any]:
    tasks, methods = _places(results)
    profiles = list(summary.profiles.values())
    compared = {(cell.task, cell.method) for cell in summary.cells}
    others = [key for key in results.records if key not in compared]
    return {
        "standings": [
            {"method": methods[standing.method], **_standing(standing)} for standing in summary.standings
        ],
        "cells": [
            {
                "task": tasks[cell.task],
                "method": methods[cell.method],
                "repeats": len(summary.repeats),
                **_cell(cell),
            }
            for cell in summary.cells
        ]
        + [
            {"task": tasks[task], "method": methods[method], **_lone_cell(results, task, method, summary)}
            for task, method in others
        ],
        "budgets": [
            {
                "method": methods[curve.method],
                "runs": shortened(curve.runs),
                "accuracy": [interval(value) for value in curve.accuracy],
            }
            for curve in summary.budgets
        ],
        "equalRuns": None if summary.equal_runs is None else _equal_runs(summary.equal_runs, methods),
        "thresholds": shortened(profiles[0].thresholds),
        "profiles": [
            {
                "method": methods[method],
                "share": shortened(profile.share),
                "low": shortened(profile.low),
                "high": shortened(profile.high),
            }
            for method, profile in summary.profiles.items()
        ],
    }


def _standing(standing: Standing) -> dict[str, Any]:
    difference, improvement, gap = standing.difference, standing.improvement, standing.gap
    return {
        "network": NETWORKS[standing.network],
        "mean": interval(standing.mean),
        "iqm": interval(standing.interquartile),
        "overSeeds": None if difference is None else interval(difference.over_seeds),
        "overTasks": None if difference is None else interval(difference.over_tasks),
        "p": None if standing.adjusted_p is None else short(standing.adjusted_p),
        "improvement": None if improvement is None else interval(improvement),
        "gapOverSeeds": None if gap is None else interval(gap.over_seeds),
        "gapOverTasks": None if gap is None else interval(gap.over_tasks),
        "rank": short(standing.rank),
        "runs": short(standing.runs),
        "diverged": standing.diverged,
    }


def _equal_runs(equal: EqualRuns, methods: dict[str, int]) -> dict[str, Any]:
    return {
        "counts": list(equal.counts),
        "reference": equal.reference,
        "rows": [
            {
                "name": row.name,
                "method": methods[row.look],
                "at": {count: _at_runs(at) for count, at in row.at.items()},
            }
            for row in equal.rows
        ],
    }


def _at_runs(at: AtRuns) -> dict[str, Any]:
    return {
        "accuracy": interval(at.accuracy),
        "difference": None if at.difference is None else interval(at.difference.over_seeds),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    picked = np.asarray(cell.picked)
    picked = picked[np.isfinite(picked)]
    return {
        "accuracy": interval(cell.accuracy),
        "difference": None if cell.difference is None else interval(cell.difference.difference),
        "p": None if cell.difference is None else short(cell.difference.p_value),
        "runs": short(cell.runs),
        "knob": cell.knob,
        "picked": shortened((picked.min(), picked.max())) if picked.size else None,
        "diverged": cell.diverged,
    }


def _lone_cell(results: Results, task: str, method: str, summary: Summary) -> dict[str, Any]:
    """A method on a task that is not compared yet, for others are missing there: its accuracy alone."""
    record, repeats = results.records[task, method], results.repeats[task, method]
    scores = results.scores(task, method, repeats, moment=summary.moment, noisy=summary.noisy)
    return {
        "repeats": len(repeats),
        "accuracy": interval(mean_interval(scores)),
        "difference": None,
        "p": None,
        "runs": short(float(record.epochs_spent.mean()) / record.levels.shape[1]),
        "knob": None if record.search is None else record.search.knob,
        "picked": None,
        "diverged": results.diverged(task, method, repeats),
    }
