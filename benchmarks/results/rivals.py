"""The table and the headline figures of studies with many methods, as ``rlflood report`` makes them."""

from functools import lru_cache
from typing import Any

from benchmarks.results.cells import (
    FINAL,
    NO_USER,
    SEEDS,
    accuracy,
    ends_alone,
    mean,
    plus_minus,
    table,
    with_ends,
)
from benchmarks.results.runs import KeptRuns, load
from rlflood.experiments.analysis.summary import NO_FLOODING, Summary, gap_oracle, standings
from rlflood.experiments.report.text.markup import Text
from rlflood.experiments.report.text.tables import MARK, ORACLE
from rlflood.training.trainer import Moment
from rlflood.words import counted


def rivals() -> str:
    """Every method of the study ``quick``, the best first."""
    runs = quick()
    rows: list[list[Text | str]] = []
    for standing in summary(runs).standings:
        versus: list[Text | str] = ["", "", ""]
        if standing.difference is not None:
            over_tasks, seeds = standing.difference.over_tasks, standing.difference.over_seeds
            assert standing.adjusted_p is not None
            versus = [with_ends(seeds), ends_alone(over_tasks), f"{standing.adjusted_p:.3f}"]
        rows.append(
            [
                Text(standing.method, mark=ORACLE if standing.oracle else ""),
                f"{standing.runs:.3g}",
                accuracy(standing.mean),
                *versus,
                *_by_task(runs, standing.method),
            ]
        )
    tasks = [task.name for task in runs.tasks]
    header = ["Method", "Runs", "Mean", "Method minus none", "For tasks not seen", "p", *tasks]
    caption = (
        f"{FINAL}: {counted(runs.repeats, 'seed')}. {SEEDS} For tasks not seen: the same with tasks drawn "
        "too. p: Wilcoxon signed-rank test with Holm's correction over all methods. "
        f"By task, {MARK}: the 95 % t interval of the difference from none excludes 0. {NO_USER}"
    )
    return table(header, rows, caption)


def quick() -> KeptRuns:
    """The runs of the study."""
    return load("quick/runs.csv", "quick/study.toml")


@lru_cache
def summary(runs: KeptRuns, moment: Moment = "last") -> Summary:
    """The standings of a study, and nothing else of what its report shows.

    A file of runs does not say which of them diverged; none of these did.
    """
    scores = {method: runs.scores(method, moment) for method in runs.methods}
    spent = {method: runs.budget(method) for method in runs.methods}
    return Summary(
        moment,
        runs.study.noisy_test,
        NO_FLOODING,
        gap_oracle(scores, runs.oracles),
        tuple(task.name for task in runs.tasks),
        tuple(runs.repeats),
        standings(
            scores,
            dict.fromkeys(runs.methods, moment),
            NO_FLOODING,
            runs.oracles,
            spent,
            dict.fromkeys(runs.methods, 0),
        ),
        cells=(),
        budgets=(),
        equal_runs=None,
        profiles={},
    )


def headline(runs: KeptRuns) -> bytes:
    """The report's first figure, as SVG.

    Raises:
        MissingPackage: if Matplotlib is missing.
    """
    from rlflood.experiments.report.figures.canvas import check_matplotlib, house_style, rendered
    from rlflood.experiments.report.figures.overall import draw_headline
    from rlflood.experiments.report.figures.palette import styles

    check_matplotlib()
    with house_style():
        canvas: Any = draw_headline(summary(runs), styles(runs.methods))
        return rendered(canvas, "svg")


def _by_task(runs: KeptRuns, method: str) -> list[Text]:
    cells = []
    for scores, none in zip(runs.scores(method), runs.scores(NO_FLOODING), strict=True):
        cells.append(Text(mean(scores), mark=plus_minus(scores, none).mark))
    return cells
