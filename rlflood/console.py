"""What the command line shows: tables, progress bars, pictures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from rlflood.experiments.comparison import rows
from rlflood.experiments.record import Record
from rlflood.experiments.setting import Setting
from rlflood.experiments.statistics import Interval
from rlflood.experiments.wording import describe_setting, explanation

console = Console()
errors = Console(stderr=True)


@contextmanager
def progress_bar(text: str) -> Iterator[Any]:
    """A bar with the time left, on stderr; gives a function ``advance(done, total, text=None)``."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
    )
    with bar:
        number = bar.add_task(text, total=None)

        def advance(done: int, total: int, description: str | None = None) -> None:
            bar.update(number, completed=done, total=total, description=description or text)

        yield advance


def print_setting(setting: Setting) -> None:
    """Say in two lines what is compared."""
    for line in describe_setting(setting):
        console.print(line, highlight=False, markup=False)


def print_records(records: Sequence[Record], *, noisy: bool) -> None:
    """The table of a comparison, accuracies in percent, and what its columns mean."""
    compared = rows(records, noisy=noisy)
    table = Table()
    for number, heading in enumerate(("method", "final", "best checkpoint", "final - none", "epochs")):
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number > 0)
    for row in compared:
        difference = "" if row.difference is None else _percent(row.difference.difference, signed=True)
        table.add_row(
            escape(row.method), _percent(row.final), _percent(row.best), difference, f"{row.epochs:,}"
        )
    console.print(table)
    for line in explanation(records, compared, noisy=noisy):
        console.print(line, style="dim", highlight=False, markup=False)


def _percent(interval: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if interval.half != interval.half:  # a single repeat has no interval
        return f"{100 * interval.mean:{sign}.1f}"
    star = "*" if signed and interval.excludes_zero else " " if signed else ""
    return f"{100 * interval.mean:{sign}.1f} ± {100 * interval.half:.1f}{star}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table of text."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        # the first column holds what one copies into a command: never in two pieces
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
