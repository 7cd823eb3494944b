"""How the tables of *Results* write figures: accuracies in percent, differences in points with their intervals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.results.runs import Array
from rlflood.experiments.aggregates import paired_difference
from rlflood.experiments.markup import Table, Text, markdown
from rlflood.experiments.statistics import Interval, paired
from rlflood.experiments.tables import MARK, bracketed, ends, in_percent

SEEDS = f"In brackets: 95 % bootstrap intervals over seeds; {MARK}: it excludes 0."
"""What :func:`over_seeds` shows, for a caption."""
T_INTERVAL = f"±: half the 95 % interval over seeds (Student's t); {MARK}: it excludes 0."
"""What :func:`plus_minus` shows, for a caption."""


def table(header: Sequence[str], rows: Sequence[Sequence[Text | str]], caption: str) -> str:
    """A table as Markdown, with its caption below."""
    texts = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    return markdown(Table(caption, header, texts))


def mean(scores: Array) -> str:
    """The mean of accuracies."""
    return in_percent(float(scores.mean()))


def over_seeds(values: Array, reference: Array) -> Text:
    """How much a method is above another on these tasks; scores of shape ``(tasks, seeds)``."""
    return _marked(paired_difference(values, reference).over_seeds)


def over_groups(values: Array, reference: Array, groups: Sequence[str]) -> Text:
    """The interval of the same difference for data sets not seen.

    Args:
        values: Scores of shape ``(tasks, seeds)``.
        reference: Likewise.
        groups: The data set of each task. All tasks of one are drawn together, for they are no two tests of
            anything.
    """
    by_group = (
        np.stack([scores[_rows(groups, group)].mean(axis=0) for group in _each(groups)])
        for scores in (values, reference)
    )
    interval = paired_difference(*by_group).over_tasks
    return Text(ends(interval, signed=True), mark=_mark(interval))


def plus_minus(values: Array, reference: Array) -> Text:
    """How much a method is above another on one task; scores of shape ``(seeds,)``."""
    interval = paired(values, reference).difference
    return Text(with_half(interval, signed=True), mark=_mark(interval))


def with_half(interval: Interval, *, signed: bool = False) -> str:
    """A mean and half its interval."""
    return f"{in_percent(interval.mean, signed=signed)} ± {in_percent(interval.half)}"


def best_in_bold(rows: Sequence[list[Text | str]], column: int) -> None:
    """Make the highest figure of a column bold, in place; the rows are those that compete."""
    shown = [cell if isinstance(cell, Text) else Text(cell) for cell in (row[column] for row in rows)]
    highest = max(float(cell.text) for cell in shown if cell.text)
    for row, cell in zip(rows, shown, strict=True):
        row[column] = replace(cell, bold=bool(cell.text) and float(cell.text) == highest)


def _each(groups: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(groups))


def _rows(groups: Sequence[str], wanted: str) -> list[int]:
    return [row for row, group in enumerate(groups) if group == wanted]


def _marked(interval: Interval) -> Text:
    return Text(bracketed(interval, signed=True), mark=_mark(interval))


def _mark(interval: Interval) -> str:
    return MARK if interval.excludes_zero else ""
