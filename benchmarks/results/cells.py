"""How tables write figures: accuracies in percent, differences in points, and their intervals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rlflood.experiments.analysis.aggregates import paired_difference
from rlflood.experiments.analysis.statistics import Interval, paired
from rlflood.experiments.report.text.markup import Table, Text, markdown
from rlflood.experiments.report.text.tables import MARK, ORACLE, bracketed, ends, in_percent
from rlflood.metrics import Array

FINAL = "Test accuracy in %, clean labels, after the last epoch"
CLEAN = "Test accuracy in %, clean labels"
NO_USER = f"{ORACLE}: picks the level on the test split, which a user cannot."
SEEDS = f"In brackets: 95 % bootstrap intervals over seeds; {MARK}: it excludes 0."
"""What :func:`over_seeds` shows, for a caption."""
T_INTERVAL = f"±: half the 95 % interval over seeds (Student's t); {MARK}: it excludes 0."
"""What :func:`plus_minus` shows, for a caption."""
BOTH = (
    "±: half the 95 % interval over seeds (Student's t); in brackets: 95 % bootstrap intervals over seeds; "
    f"{MARK}: it excludes 0."
)
"""What both show, for the caption of a table that has both."""

_DIGITS = 9


def table(header: Sequence[str], rows: Sequence[Sequence[Text | str]], caption: str) -> str:
    """A table as Markdown, with its caption below."""
    texts = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    return markdown(Table(caption, header, texts))


def mean(scores: Array) -> str:
    """The mean of accuracies."""
    return in_percent(round(float(scores.mean()), _DIGITS))


def share(noise: float) -> str:
    """A share of wrong labels."""
    return f"{100 * noise:g} %"


def accuracy(interval: Interval) -> str:
    """A mean accuracy with its interval."""
    return bracketed(_steady(interval))


def with_ends(difference: Interval) -> Text:
    """A mean difference with its interval, marked where that excludes 0."""
    steady = _steady(difference)
    return Text(bracketed(steady, signed=True), mark=_mark(steady))


def ends_alone(difference: Interval) -> Text:
    """The interval of a difference that stands beside it, marked where it excludes 0."""
    steady = _steady(difference)
    return Text(ends(steady, signed=True), mark=_mark(steady))


def with_half(interval: Interval, *, signed: bool = False) -> str:
    """A mean and half its interval."""
    steady = _steady(interval)
    return f"{in_percent(steady.mean, signed=signed)} ± {in_percent(round(steady.half, _DIGITS))}"


def over_seeds(values: Array, reference: Array) -> Text:
    """How much a method is above another on these tasks; scores of shape ``(tasks, seeds)``."""
    return with_ends(paired_difference(values, reference).over_seeds)


def over_groups(values: Array, reference: Array, groups: Sequence[str]) -> Text:
    """The interval of the same difference for data sets not seen.

    Args:
        values: Scores of shape ``(tasks, seeds)``.
        reference: Likewise.
        groups: The data set of each task. Its tasks are drawn together: they are no independent evidence.
    """
    kinds = np.array(groups)
    by_group = [
        np.stack([scores[kinds == kind].mean(axis=0) for kind in dict.fromkeys(groups)])
        for scores in (values, reference)
    ]
    return ends_alone(paired_difference(*by_group).over_tasks)


def plus_minus(values: Array, reference: Array) -> Text:
    """How much a method is above another on one task; scores of shape ``(seeds,)``."""
    difference = paired(values, reference).difference
    return Text(with_half(difference, signed=True), mark=_mark(_steady(difference)))


def best_in_bold(rows: Sequence[list[Text | str]], column: int) -> None:
    """Make the highest figure of a column bold, in place; the rows are those that compete."""
    shown = [cell if isinstance(cell, Text) else Text(cell) for cell in (row[column] for row in rows)]
    highest = max(float(cell.text) for cell in shown if cell.text)
    for row, cell in zip(rows, shown, strict=True):
        row[column] = replace(cell, bold=bool(cell.text) and float(cell.text) == highest)


def _steady(interval: Interval) -> Interval:
    """Without the last bits, which depend on the processor and could turn a rounded digit."""
    return Interval(*(round(value, _DIGITS) for value in (interval.mean, interval.low, interval.high)))


def _mark(interval: Interval) -> str:
    return MARK if interval.excludes_zero else ""
