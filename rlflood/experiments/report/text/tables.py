"""The tables of a study for documents: standings, and accuracy by task and method."""

import math
from collections.abc import Iterator

from rlflood.experiments.analysis.aggregates import GapShare
from rlflood.experiments.analysis.budgets import AtRuns, EqualRuns
from rlflood.experiments.analysis.statistics import Interval
from rlflood.experiments.analysis.summary import Cell, Standing, Summary, summarise
from rlflood.experiments.report.text.captions import (
    NETWORK_DEFINITION,
    NETWORKS,
    NO_USER,
    described,
    diverged_definition,
    equal_runs_definition,
    gap_definition,
    views,
)
from rlflood.experiments.report.text.markup import MINUS, Table, Text, latex, markdown
from rlflood.experiments.report.text.wording import DIVERGED
from rlflood.experiments.study.results import Results
from rlflood.words import counted, percent

MARK, ORACLE = "*", "†"


def tables(results: Results) -> Iterator[tuple[str, str]]:
    """Names of files and what goes into them: ``.md`` and ``.tex`` of each table.

    ``standings-deployed-clean``, ``accuracy-deployed-clean`` and, where methods can be compared at several
    numbers of runs, ``equal-runs-deployed-clean``, and so on for each of the four networks of a run and,
    where there is label noise, the other kind of test labels.

    Raises:
        InputError: if the study has nothing to compare yet.
    """
    for view in views(results):
        summary = summarise(results, view.moment, noisy=view.noisy)
        made = {
            "standings": standings_table(results, summary),
            "accuracy": accuracy_table(results, summary),
        }
        if summary.equal_runs is not None:
            made["equal-runs"] = equal_runs_table(results, summary, summary.equal_runs)
        for kind, table in made.items():
            name = f"{kind}-{view.key}"
            yield f"{name}.md", markdown(table)
            yield f"{name}.tex", latex(table, name)


def standings_table(results: Results, summary: Summary) -> Table:
    """The methods over all tasks, the best mean first, oracles apart at the end; IQM: interquartile mean."""
    standings = _oracles_last(summary)
    best = max((s.mean.mean for s in standings if not s.oracle), default=math.nan)
    gaps = any(standing.gap is not None for standing in standings)
    networks = summary.moment == "deployed"
    header = (
        "Method", *(("Network",) if networks else ()), "Mean", "IQM",
        f"Difference from {summary.reference}", "For unseen tasks", "p", "P(better)",
        *(("Gap closed", "For unseen tasks") if gaps else ()), "Rank", "Runs",
    )  # fmt: skip
    rows = [_standing_row(standing, best, networks=networks, gaps=gaps) for standing in standings]
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
        f"training runs.{f' {gap_definition(summary)}' if gaps else ''}"
        f"{f' {NETWORK_DEFINITION}' if networks else ''}"
    )
    oracles = sum(standing.oracle for standing in standings)
    return Table(_with_signs(caption, oracles, summary), header, rows, oracles)


def _standing_row(standing: Standing, best: float, *, networks: bool, gaps: bool) -> list[Text]:
    versus = [Text("")] * 4
    if standing.difference is not None and standing.improvement is not None:
        over_seeds, over_tasks = standing.difference.over_seeds, standing.difference.over_tasks
        assert standing.adjusted_p is not None
        versus = [
            Text(bracketed(over_seeds, signed=True), mark=_mark(over_seeds)),
            Text(ends(over_tasks, signed=True), mark=_mark(over_tasks)),
            Text("<0.001" if standing.adjusted_p < 0.001 else f"{standing.adjusted_p:.3f}"),
            Text(f"{standing.improvement.mean:.2f}"),
        ]
    return [
        Text(standing.method, mark=_signs(standing)),
        *([Text(NETWORKS[standing.network])] if networks else ()),
        Text(bracketed(standing.mean), bold=not standing.oracle and standing.mean.mean == best),
        Text(in_percent(standing.interquartile.mean)),
        *versus,
        *(_gap(standing.gap) if gaps else ()),
        Text(f"{standing.rank:.2f}"),
        Text(_runs(standing.runs)),
    ]


def _signs(standing: Standing) -> str:
    """What stands behind a method's name."""
    return (ORACLE if standing.oracle else "") + (DIVERGED if standing.diverged else "")


def _gap(gap: GapShare | None) -> list[Text]:
    if gap is None:
        return [Text("")] * 2
    return [Text(bracketed(gap.over_seeds, digits=0)), Text(ends(gap.over_tasks, digits=0))]


def equal_runs_table(results: Results, summary: Summary, equal: EqualRuns) -> Table:
    """Each method with 1, 3, 5 ... runs, and its difference from the reference with as many."""
    header = ["Method"]
    for count in equal.counts:
        header += [counted(count, "run"), *(["Difference"] if equal.reference is not None else [])]
    best = {
        count: max(row.at[count].accuracy.mean for row in equal.rows if count in row.at and not row.oracle)
        for count in equal.counts
    }
    rows = []
    for row in equal.rows:
        cells = [Text(row.name, mark=ORACLE if row.oracle else "")]
        for count in equal.counts:
            at = row.at.get(count)
            cells += _at_runs(
                at, equal, bold=at is not None and not row.oracle and at.accuracy.mean == best[count]
            )
        rows.append(cells)
    oracles = sum(row.oracle for row in equal.rows)
    intervals = (
        f"In brackets: 95 % bootstrap intervals over seeds; {MARK}: that of a difference excludes 0. "
        if len(summary.repeats) > 1
        else "One repeat, so no intervals. "
    )
    caption = f"{described(results, summary)} {intervals}Bold: the best with each number of runs. "
    caption = _with_signs(f"{caption}{equal_runs_definition(equal)}", oracles)
    return Table(caption, header, rows, oracles)


def _at_runs(at: AtRuns | None, equal: EqualRuns, *, bold: bool) -> list[Text]:
    """One cell, or two where differences are taken."""
    if equal.reference is None:
        return [Text("" if at is None else bracketed(at.accuracy), bold)]
    if at is None or at.difference is None:
        return [Text("" if at is None else in_percent(at.accuracy.mean), bold), Text("")]
    over_seeds = at.difference.over_seeds
    return [
        Text(in_percent(at.accuracy.mean), bold),
        Text(bracketed(over_seeds, signed=True), mark=_mark(over_seeds)),
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
    caption = _with_signs(caption, len(oracles), summary)
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
        mark += DIVERGED if cell.diverged else ""
        texts.append(Text(mean + half, cell.method not in oracles and float(mean) == best, mark))
    return texts


def _oracles_last(summary: Summary) -> list[Standing]:
    return sorted(summary.standings, key=lambda standing: standing.oracle)


def _with_signs(caption: str, oracles: int, summary: Summary | None = None) -> str:
    """The caption with what its signs mean; ``summary`` where runs that diverged are marked."""
    sentences = [caption]
    if oracles:
        sentences.append(f"{ORACLE}: {NO_USER}; never bold.")
    if summary is not None and (diverged := diverged_definition(summary)):
        sentences.append(diverged)
    return " ".join(sentences)


def _mark(interval: Interval) -> str:
    return MARK if interval.excludes_zero else ""


def bracketed(interval: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """A mean with its interval in brackets, in percent: ``80.2 [79.9, 80.5]``."""
    mean = in_percent(interval.mean, signed=signed, digits=digits)
    both = ends(interval, signed=signed, digits=digits)
    return f"{mean} {both}" if both else mean


def ends(interval: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """The interval alone: ``[79.9, 80.5]``; empty where there is none."""
    if math.isnan(interval.low):
        return ""
    low, high = (in_percent(end, signed=signed, digits=digits) for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def in_percent(share: float, *, signed: bool = False, digits: int = 1) -> str:
    """A share from 0 to 1 as :func:`rlflood.words.percent` has it, with a minus sign instead of a hyphen."""
    return percent(share, signed=signed, digits=digits).replace("-", MINUS)


def _runs(runs: float) -> str:
    return f"{runs:.0f}" if runs >= 100 else f"{runs:.3g}"
