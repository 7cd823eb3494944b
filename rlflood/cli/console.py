"""What the command line shows: tables, progress bars, pictures."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from rlflood.cli.terminal_table import print_table
from rlflood.experiments.analysis.comparison import rows
from rlflood.experiments.analysis.statistics import Interval
from rlflood.experiments.analysis.summary import Summary
from rlflood.experiments.report.text.captions import NETWORKS, VIEW_MOMENTS, diverged_definition
from rlflood.experiments.report.text.data_wording import describe_data
from rlflood.experiments.report.text.wording import DEPLOYED, DIVERGED, describe_setting, explanation
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.study.plan import StudyProgress
from rlflood.words import counted, percent

console = Console()
errors = Console(stderr=True)

_PAUSE = 30.0
"""Seconds between two lines of progress where there is no terminal: short work tells nothing."""
_NARROWEST_BAR = 60
"""Columns below which a progress bar and its times would crowd out what is being done."""


@contextmanager
def progress_bar(text: str) -> Iterator[Any]:
    """A bar with the time left, on stderr; gives a function ``advance(done, total, text=None)``.

    ``total`` is None where the end is not known. Where stderr is no terminal, a line now and then.
    """
    if not errors.is_terminal:
        yield _lines_in_time(text)
        return
    with _progress(MofNCompleteColumn(table_column=Column(no_wrap=True)), TimeRemainingColumn()) as bar:
        number = bar.add_task(text, total=None)

        def advance(done: int, total: int | None, description: str | None = None) -> None:
            bar.update(number, completed=done, total=total, description=description or text)

        yield advance


@contextmanager
def study_progress() -> Iterator[StudyProgress]:
    """A bar for a study, on stderr; where stderr is no terminal, a line now and then."""
    if not errors.is_terminal:
        yield _Lines()
        return
    with _progress(_Share(), _TimeLeft()) as bar:
        number = bar.add_task("starting", total=None)

        def advance(done: float, total: float, what: str) -> None:
            bar.update(number, completed=done, total=total, description=what)

        yield advance


def _progress(done: ProgressColumn, left: ProgressColumn) -> Progress:
    """A bar on stderr; where the terminal is narrow, what is being done and how much of it is done alone."""
    what = TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold"))
    columns: tuple[ProgressColumn, ...] = (what, done)
    if errors.width >= _NARROWEST_BAR:
        columns = (what, BarColumn(bar_width=errors.width // 4), done, TimeElapsedColumn(), left)
    return Progress(*columns, console=errors, transient=True)


def _lines_in_time(text: str) -> Callable[..., None]:
    """Progress for a log, of work whose end may not be known: a line at most every ``_PAUSE`` seconds."""
    last = time.monotonic()

    def advance(done: int, total: int | None, description: str | None = None) -> None:
        nonlocal last
        if time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        part = f"{done}" if total is None else f"{done}/{total}"
        _log(f"{part}: {description or text}")

    return advance


def _log(line: str) -> None:
    errors.print(line, highlight=False, markup=False, soft_wrap=True)


class _Share(ProgressColumn):
    """What is done in percent, rounded down: 100 % is the end and nothing before it."""

    def render(self, task: RichTask) -> Text:
        return Text(_share(task.completed, task.total) if task.total else "", no_wrap=True)


class _TimeLeft(ProgressColumn):
    """The time left if all goes on as on the whole so far.

    Rich's own column looks at the last seconds only: too jumpy where pieces of work differ.
    """

    _started: float | None = None

    def render(self, task: RichTask) -> Text:
        # what comes before the first piece of work (imports, reading data) says nothing of the speed
        if task.total and self._started is None:
            self._started = time.monotonic()
        if not task.total or not task.completed or self._started is None:
            return Text("-:--:-- left")
        elapsed = time.monotonic() - self._started
        return Text(f"{_clock(time_left(task.completed, task.total, elapsed))} left")


class _Lines:
    """Progress for a log: a line for each twentieth of the work."""

    def __init__(self) -> None:
        self._started: float | None = None  # with the first piece of work, as in _TimeLeft
        self._next = 0  # the next twentieth to tell of

    def __call__(self, done: float, total: float, what: str) -> None:
        if self._started is None:
            self._started = time.monotonic()
        twentieth = int(20 * done / total + 1e-9)
        if twentieth < self._next:
            return
        left = "-:--:--"
        if done:
            left = _clock(time_left(done, total, time.monotonic() - self._started))
        _log(f"{_share(done, total)}, {left} left: {what}")
        self._next = twentieth + 1


def _share(done: float, total: float) -> str:
    return f"{int(100 * done / total + 1e-9):3}%"


def time_left(done: float, total: float, elapsed: float) -> float:
    """Seconds until the rest is done at the speed so far; ``done`` is positive."""
    return elapsed * (total - done) / done


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"


def print_standings(summary: Summary) -> None:
    """The methods of a study over all its tasks, accuracies in percent."""
    headings = ("method", "network", "runs", "mean", f"- {summary.reference}", "p (Holm)", "rank")
    lines = []
    for standing in summary.standings:
        difference, p = "", ""
        if standing.difference is not None and standing.adjusted_p is not None:
            difference = _interval(standing.difference.over_seeds, signed=True)
            p = f"{standing.adjusted_p:.2g}"
        signs = (" †" if standing.oracle else "") + (f" {DIVERGED}" if standing.diverged else "")
        mean, runs, rank = _interval(standing.mean), f"{standing.runs:.3g}", f"{standing.rank:.1f}"
        network = NETWORKS[standing.network]
        lines.append((standing.method + signs, network, runs, mean, difference, p, rank))
    print_table(console, headings, lines, figures=True)
    labels = "noisy" if summary.noisy else "clean"
    tasks, repeats = len(summary.tasks), len(summary.repeats)
    _note(
        f"Test accuracy in %, {labels} labels, {VIEW_MOMENTS[summary.moment]}; {counted(tasks, 'task')}, "
        f"{counted(repeats, 'repeat')}; ± half of the 95 % bootstrap interval over seeds; runs: the budget."
    )
    if any(standing.oracle for standing in summary.standings):
        _note("†: picked on the test split, which a user cannot do.")
    if note := diverged_definition(summary):
        _note(note)


def print_setting(setting: Setting) -> None:
    """Say what is compared: the data, what is in them, the network and its training."""
    task = setting.task
    data, training = describe_setting(task, task.source().facts, setting.repeats)
    for line in (data, *describe_data(task), training):
        console.print(line, highlight=False, markup=False)


def print_records(records: Sequence[Record], *, noisy: bool) -> None:
    """The table of a comparison, accuracies in percent, and what its columns mean."""
    compared = rows(records, noisy=noisy)
    lines = []
    for row, record in zip(compared, records, strict=True):
        difference = "" if row.difference is None else _interval(row.difference.difference, signed=True)
        name = row.method + (f" {DIVERGED}" if record.diverged.any() else "")
        four = [
            (DEPLOYED if moment == row.deployed else "") + percent(accuracy.mean)
            for moment, accuracy in row.accuracy.items()
        ]
        lines.append((name, _interval(row.accuracy[row.deployed]), difference, *four, f"{row.epochs:,}"))
    headings = ("method", "deployed", "- none", *NETWORKS.values(), "epochs")
    print_table(console, headings, lines, figures=True)
    for line in explanation(records, compared, noisy=noisy):
        _note(line)


def _interval(interval: Interval, *, signed: bool = False) -> str:
    mean = percent(interval.mean, signed=signed)
    if interval.half != interval.half:  # a single repeat has no interval
        return mean
    star = "*" if signed and interval.excludes_zero else " " if signed else ""
    return f"{mean} ± {percent(interval.half)}{star}"


def _note(line: str) -> None:
    console.print(line, style="dim", highlight=False, markup=False)


def print_listing(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, figures: bool = False
) -> None:
    """A table under its title, of text or, but for the first column, of figures."""
    console.print(title, style="bold", highlight=False, markup=False)
    print_table(console, columns, rows, figures=figures)
