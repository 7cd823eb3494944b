"""What the command line shows: tables, progress bars, pictures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from rlflood.experiments.comparison import Row
from rlflood.experiments.setting import Setting
from rlflood.experiments.statistics import Interval

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


def print_task(setting: Setting) -> None:
    """Say in two lines what is compared."""
    task = setting.task
    noise = f"{100 * task.label_noise:g} % label noise" if task.label_noise else "clean labels"
    test = "the other" if task.test_size is None else task.test_size
    batch = f"batches of {task.batch_size}" if task.batch_size else "full batch"
    network = "-".join(map(str, task.hidden)) + (" with batch norm" if task.batch_norm else "")
    lines = (
        f"{task.data}, {noise}: {task.train_size} training, {task.val_size} validation, {test} test samples",
        f"network {network}, {task.optimizer} {task.learning_rate:g}, {batch}, {task.epochs} epochs, "
        f"{setting.repeats} repeats",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False)


def print_rows(rows: Sequence[Row], *, noisy: bool) -> None:
    """The table of a comparison, accuracies in percent."""
    labels = "noisy" if noisy else "clean"
    table = Table(
        caption=f"Test accuracy in %, {labels} test labels; mean ± 95 % interval over repeats; * excludes 0."
    )
    table.add_column("method", overflow="fold")
    for heading in ("last epoch", "best checkpoint", "last - none", "epochs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        difference = "" if row.difference is None else _percent(row.difference.difference, signed=True)
        table.add_row(row.method, _percent(row.final), _percent(row.best), difference, f"{row.epochs:,}")
    console.print(table)


def _percent(interval: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if interval.half != interval.half:  # a single repeat has no interval
        return f"{100 * interval.mean:{sign}.1f}"
    star = "*" if signed and interval.excludes_zero else " " if signed else ""
    return f"{100 * interval.mean:{sign}.1f} ± {100 * interval.half:.1f}{star}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table of text."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
