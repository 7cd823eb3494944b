"""The tables of a study for documents: standings, and accuracy by task and method."""

import math
from collections.abc import Iterator

from rlflood.experiments.captions import NO_USER, described, views
from rlflood.experiments.markup import MINUS, Table, Text, latex, markdown
from rlflood.experiments.results import Results
from rlflood.experiments.statistics import Interval
from rlflood.experiments.summary import Cell, Standing, Summary, summarise

MARK, ORACLE = "*", "†"


def tables(results: Results) -> Iterator[tuple[str, str]]:
    """Names of files and what goes into them: ``.md`` and ``.tex`` of each table.

    ``standings-final-clean`` and ``accuracy-final-clean``, and so on for the other moment and, where there is
    label noise, the other kind of test labels.

    Raises:
        InputError: if the study has nothing to compare yet.
    """
    for view in views(results):
        summary = summarise(results, view.moment, noisy=view.noisy)
        for kind, table in (
            ("standings", standings_table(results, summary)),
            ("accuracy", accuracy_table(results, summary)),
        ):
            name = f"{kind}-{view.key}"
            yield f"{name}.md", markdown(table)
            yield f"{name}.tex", latex(table, name)


def standings_table(results: Results, summary: Summary) -> Table:
    """The methods over all tasks, the best mean first, oracles apart at the end; IQM: interquartile mean."""
    standings = _oracles_last(summary)
    best = max((s.mean.mean for s in standings if not s.oracle), default=math.nan)
    header = (
        "Method", "Mean", "IQM", f"Difference from {summary.reference}", "For unseen tasks", "p", "P(better)",
        "Rank", "Runs",
    )  # fmt: skip
    rows = [_standing_row(standing, best) for standing in standings]
    intervals = (
        "In brackets: 95 % bootstrap intervals over seeds, and for unseen tasks over tasks and seeds; "
        f"{MARK}: that of a difference excludes 0. "
        if len(summary.repeats) > 1
        else "One repeat, so no intervals over seeds. "
    )
    caption = (
        f"{described(results, summary)} {intervals}Mean: over tasks and seeds, the best in bold; IQM: "
        "without the lowest and the highest quarter of runs. Differences in points, paired by task and seed; "
        "p: Wilcoxon signed-rank test with Holm's correction over all methods. P(better): probability that a "
        f"run beats one of {summary.reference} on the same task. Rank: 1 is the best. Runs: budget in whole "
        "training runs."
    )
    oracles = sum(standing.oracle for standing in standings)
    return Table(_with_oracles(caption, oracles), header, rows, oracles)


def _standing_row(standing: Standing, best: float) -> list[Text]:
    versus = [Text("")] * 4
    if standing.difference is not None and standing.improvement is not None:
        over_seeds, over_tasks = standing.difference.over_seeds, standing.difference.over_tasks
        assert standing.adjusted_p is not None
        versus = [
            Text(_bracketed(over_seeds, signed=True), mark=_mark(over_seeds)),
            Text(_ends(over_tasks, signed=True), mark=_mark(over_tasks)),
            Text("<0.001" if standing.adjusted_p < 0.001 else f"{standing.adjusted_p:.3f}"),
            Text(f"{standing.improvement.mean:.2f}"),
        ]
    return [
        Text(standing.method, mark=ORACLE if standing.oracle else ""),
        Text(_bracketed(standing.mean), bold=not standing.oracle and standing.mean.mean == best),
        Text(_percent(standing.interquartile.mean, signed=False)),
        *versus,
        Text(f"{standing.rank:.2f}"),
        Text(_runs(standing.runs)),
    ]


def accuracy_table(results: Results, summary: Summary) -> Table:
    """Each method on each task, whichever there are more of downwards."""
    standings = _oracles_last(summary)
    oracles = {standing.method for standing in standings if standing.oracle}
    methods = [method.name for method in results.methods if method.name in {s.method for s in standings}]
    methods.sort(key=lambda method: method in oracles)  # else in the study's order
    cells = {(cell.task, cell.method): cell for cell in summary.cells}
    texts = {
        task: _task_texts([cells[task, method] for method in methods], oracles) for task in summary.tasks
    }
    intervals = (
        "Mean ± half the 95 % interval (Student's t, over seeds). "
        f"{MARK}: the interval of the difference from {summary.reference}, paired by seeds, excludes 0."
        if len(summary.repeats) > 1
        else "One repeat, so no intervals."
    )
    caption = (
        f"{described(results, summary)} {intervals} Bold: the best method of each task, as far as the digits "
        "shown tell."
    )
    caption = _with_oracles(caption, len(oracles))
    if len(methods) > len(summary.tasks):
        rows = [
            [Text(method, mark=ORACLE if method in oracles else ""), *(texts[task][n] for task in texts)]
            for n, method in enumerate(methods)
        ]
        return Table(caption, ["Method", *texts], rows, len(oracles))
    named = [f"{method} {ORACLE}" if method in oracles else method for method in methods]
    return Table(caption, ["Task", *named], [[Text(task), *texts[task]] for task in texts])


def _task_texts(cells: list[Cell], oracles: set[str]) -> list[Text]:
    """The accuracies of all methods on one task."""
    means = [f"{100 * cell.accuracy.mean:.1f}" for cell in cells]
    best = max(
        (float(m) for m, cell in zip(means, cells, strict=True) if cell.method not in oracles), default=0.0
    )
    texts = []
    for mean, cell in zip(means, cells, strict=True):
        half = "" if math.isnan(cell.accuracy.half) else f" ± {100 * cell.accuracy.half:.1f}"
        mark = "" if cell.difference is None else _mark(cell.difference.difference)
        texts.append(Text(mean + half, cell.method not in oracles and float(mean) == best, mark))
    return texts


def _oracles_last(summary: Summary) -> list[Standing]:
    return sorted(summary.standings, key=lambda standing: standing.oracle)


def _with_oracles(caption: str, oracles: int) -> str:
    return f"{caption} {ORACLE}: {NO_USER}; never bold." if oracles else caption


def _mark(interval: Interval) -> str:
    return MARK if interval.excludes_zero else ""


def _bracketed(interval: Interval, *, signed: bool = False) -> str:
    mean = _percent(interval.mean, signed=signed)
    ends = _ends(interval, signed=signed)
    return f"{mean} {ends}" if ends else mean


def _ends(interval: Interval, *, signed: bool = False) -> str:
    """Empty where there is no interval."""
    if math.isnan(interval.low):
        return ""
    return f"[{_percent(interval.low, signed=signed)}, {_percent(interval.high, signed=signed)}]"


def _percent(share: float, *, signed: bool) -> str:
    text = f"{100 * share:+.1f}" if signed else f"{100 * share:.1f}"
    if text in ("+0.0", "-0.0"):
        text = "0.0"
    return text.replace("-", MINUS)


def _runs(runs: float) -> str:
    return f"{runs:.0f}" if runs >= 100 else f"{runs:.3g}"
