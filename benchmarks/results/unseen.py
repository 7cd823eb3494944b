"""Tables of the study ``controllers``: one run under ``default`` on data sets that it never saw."""

from collections.abc import Sequence

from benchmarks.results.cells import (
    CLEAN,
    FINAL,
    NO_USER,
    SEEDS,
    T_INTERVAL,
    best_in_bold,
    mean,
    over_groups,
    over_seeds,
    plus_minus,
    share,
    table,
)
from benchmarks.results.runs import KeptRuns, load
from rlflood.experiments.report.text.markup import Text
from rlflood.experiments.report.text.tables import ORACLE
from rlflood.words import counted

SEVERAL = "best-of:11:default"


def controllers() -> KeptRuns:
    """The runs of the study."""
    return load("controllers/runs.csv", "controllers/study.toml")


def methods() -> str:
    """Every method of the study against ``default``."""
    runs = controllers()
    groups = [task.data for task in runs.tasks]
    own, own_best = runs.scores("default"), runs.scores("default", "best")
    rows: list[list[Text | str]] = [["default", "1", mean(own), "", "", mean(own_best), ""]]
    users = [method for method in runs.methods if method not in {"default", SEVERAL} | runs.oracles]
    for method in (*users, *sorted(runs.oracles)):
        last, best = runs.scores(method), runs.scores(method, "best")
        rows.append(
            [
                _named(runs, method), _budget(runs, method),
                mean(last), over_seeds(own, last), over_groups(own, last, groups),
                mean(best), over_seeds(own_best, best),
            ]
        )  # fmt: skip
    for column in (2, 5):
        best_in_bold(rows[: 1 + len(users)], column)
    header = [
        "Method", "Runs", "Last epoch", "default minus it", "For other data sets", "Best checkpoint",
        "default minus it",
    ]  # fmt: skip
    caption = (
        f"{CLEAN}: {_extent(runs)}. Bold: the best. {SEEDS} For other data sets: the interval of the same "
        f"difference with data sets drawn too. {NO_USER}"
    )
    return table(header, rows, caption)


def by_noise() -> str:
    """Means over data sets at each share of wrong labels."""
    runs = controllers()
    columns = ["none", "early-stopping", "rewind", "tracking", "grid", "tpe", "default", "oracle"]
    rows = []
    for noise in runs.noises:
        some = runs.at_noise(noise)
        versus = [over_seeds(some.scores("default"), some.scores(other)) for other in ("none", "grid")]
        rows.append([share(noise), *(mean(some.scores(method)) for method in columns), *versus])
    header = [
        "Wrong labels", *(_named(runs, method) for method in columns), "default minus none",
        "default minus grid",
    ]  # fmt: skip
    return table(header, rows, f"{FINAL}: {_extent(runs)}. {SEEDS} {NO_USER}")


def by_task() -> str:
    """Every task."""
    runs = controllers()
    columns = ["none", "early-stopping", "grid", "default"]
    scores = {method: runs.scores(method) for method in columns}
    rows = []
    for number, task in enumerate(runs.tasks):
        versus = [plus_minus(scores["default"][number], scores[other][number]) for other in ("none", "grid")]
        means = [mean(scores[method][number]) for method in columns]
        rows.append([task.data, share(task.label_noise), *means, *versus])
    header = ["Data", "Wrong labels", *columns, "default minus none", "default minus grid"]
    return table(header, rows, f"{FINAL}: {counted(runs.repeats, 'seed')}. {T_INTERVAL}")


def equal_runs() -> str:
    """Eleven runs of ``default`` against searches with as many."""
    runs = controllers()
    rows: list[list[Text | str]] = []
    for method in (SEVERAL, "grid", "random", "tpe", "default"):
        row: list[Text | str] = [method, _budget(runs, method)]
        for moment in ("last", "best"):
            own, scores = runs.scores(SEVERAL, moment), runs.scores(method, moment)
            row += [mean(scores), "" if method == SEVERAL else over_seeds(own, scores)]
        rows.append(row)
    versus = f"{SEVERAL} minus it"
    header = ["Method", "Runs", "Last epoch", versus, "Best checkpoint", versus]
    caption = f"{CLEAN}: {_extent(runs)}. Of several runs one is picked by validation accuracy. {SEEDS}"
    return table(header, rows, caption)


def grids() -> str:
    """``default`` against a finer and a wider grid than the study's."""
    runs = controllers()
    finer = load("controllers/grid-51.csv", "controllers/grid-51.toml")
    wider = load("controllers/wide-grid.csv", "controllers/wide-grid.toml")
    rows = [
        _grid_row("grid, 11 levels to 0.5", runs, runs, "grid"),
        _grid_row("grid, 51 levels to 0.5", runs, finer, "grid:51"),
        _grid_row("grid, 11 levels to 1.5", runs, wider, "grid"),
    ]
    for method in ("default", SEVERAL):
        seeds = f"{len(runs.repeats)}"
        rows.append([method, _budget(runs, method), seeds, *_means_by_noise(runs, method), "", ""])
    noises = [share(noise) for noise in runs.noises]
    header = ["Method", "Runs", "Seeds", *noises, "Mean", "default minus it", f"{SEVERAL} minus it"]
    caption = (
        f"{FINAL}, by share of wrong labels. Differences are paired, on the seeds that the grid has. {SEEDS}"
    )
    return table(header, rows, caption)


def _grid_row(name: str, runs: KeptRuns, grid: KeptRuns, method: str) -> list[Text | str]:
    scores, repeats = grid.scores(method), grid.repeats
    versus = [over_seeds(runs.scores(own, repeats=repeats), scores) for own in ("default", SEVERAL)]
    return [name, _budget(grid, method), f"{len(repeats)}", *_means_by_noise(grid, method), *versus]


def _means_by_noise(runs: KeptRuns, method: str) -> Sequence[str]:
    """At each share of wrong labels, and over all."""
    parts = (*(runs.at_noise(noise) for noise in runs.noises), runs)
    return [mean(part.scores(method)) for part in parts]


def _budget(runs: KeptRuns, method: str) -> str:
    return f"{runs.budget(method):.0f}"


def _extent(runs: KeptRuns) -> str:
    data, noises = counted({task.data for task in runs.tasks}, "data set"), counted(runs.noises, "share")
    return f"{data}, {noises} of wrong labels, {counted(runs.repeats, 'seed')}"


def _named(runs: KeptRuns, method: str) -> str:
    return f"{method} {ORACLE}" if method in runs.oracles else method
