"""Tables of the study ``controllers``: one run under ``default`` on data sets that it never saw."""

from collections.abc import Callable, Sequence

from benchmarks.results.cells import (
    SEEDS,
    T_INTERVAL,
    best_in_bold,
    mean,
    over_groups,
    over_seeds,
    plus_minus,
    table,
)
from benchmarks.results.runs import Array, Runs, load
from rlflood.experiments.markup import Text
from rlflood.experiments.tables import ORACLE
from rlflood.words import counted

SEVERAL = "best-of:11:default"
_LABELS = "Test accuracy in %, clean labels"


def controllers() -> Runs:
    """The runs of the study."""
    return load("controllers/runs.csv", "controllers/study.toml")


def readme() -> str:
    """A few rivals and ``default``: the table of the README."""
    runs = controllers()
    names = {
        "none": "no flooding",
        "early-stopping": "early stopping, which keeps a checkpoint",
        "grid": "grid search for the level",
        "tpe": "Optuna's TPE for the level",
        "default": "rlflood's controller default",
    }
    default = runs.scores("default")
    rows: list[list[Text | str]] = []
    for method, name in names.items():
        scores = runs.scores(method)
        difference = "" if method == "default" else over_seeds(default, scores)
        rows.append([name, f"{runs.budget(method):.0f}", mean(scores), difference])
    caption = f"{_LABELS}, after the last epoch: {_extent(runs)}. {SEEDS}"
    return table(["Method", "Runs", "Accuracy", "default − it"], rows, caption)


def methods() -> str:
    """Every method of the study against ``default``."""
    runs = controllers()
    groups = [task.data for task in runs.tasks]
    rows: list[list[Text | str]] = []
    for method in sorted((m for m in runs.methods if m != SEVERAL), key=lambda m: (m != "default", m in runs.oracles)):
        final, best = runs.scores(method), runs.scores(method, "best")
        versus: list[Text | str] = ["", "", ""]
        if method != "default":
            own, own_best = runs.scores("default"), runs.scores("default", "best")
            versus = [over_seeds(own, final), over_groups(own, final, groups), over_seeds(own_best, best)]
        rows.append([_named(runs, method), f"{runs.budget(method):.0f}", mean(final), *versus[:2], mean(best), versus[2]])
    users = [row for row in rows if not _is_oracle(row[0])]
    best_in_bold(users, 2)
    best_in_bold(users, 5)
    header = ["Method", "Runs", "Last epoch", "default − it", "For other data sets", "Best checkpoint", "default − it"]
    caption = (
        f"{_LABELS}: {_extent(runs)}. Bold: the best. {SEEDS} For other data sets: the interval of the same difference "
        f"with data sets drawn too. {ORACLE}: picks the level on the test split, which a user cannot."
    )
    return table(header, rows, caption)


def by_noise() -> str:
    """Means over data sets at each share of wrong labels."""
    runs = controllers()
    columns = ["none", "early-stopping", "rewind", "tracking", "grid", "tpe", "default", "oracle"]
    rows = []
    for noise in sorted({task.label_noise for task in runs.tasks}):
        some = runs.only(_with_noise(noise))
        own = some.scores("default")
        rows.append(
            [
                f"{noise:.0%}",
                *(mean(some.scores(method)) for method in columns),
                over_seeds(own, some.scores("none")),
                over_seeds(own, some.scores("grid")),
            ]
        )
    header = ["Wrong labels", *(_named(runs, method) for method in columns), "default − none", "default − grid"]
    caption = f"{_LABELS}, after the last epoch: {_extent(runs)}. {SEEDS} {ORACLE}: picks on the test split."
    return table(header, rows, caption)


def by_task() -> str:
    """Every task."""
    runs = controllers()
    columns = ["none", "early-stopping", "grid", "default"]
    scores = {method: runs.scores(method) for method in columns}
    rows = []
    for number, task in enumerate(runs.tasks):
        own = scores["default"][number]
        rows.append(
            [
                task.data,
                f"{task.label_noise:.0%}",
                *(mean(scores[method][number]) for method in columns),
                plus_minus(own, scores["none"][number]),
                plus_minus(own, scores["grid"][number]),
            ]
        )
    header = ["Data", "Wrong labels", *columns, "default − none", "default − grid"]
    return table(header, rows, f"{_LABELS}, after the last epoch: {counted(runs.repeats, 'seed')}. {T_INTERVAL}")


def equal_runs() -> str:
    """Eleven runs of ``default`` against searches with as many."""
    runs = controllers()
    rows: list[list[Text | str]] = []
    for method in (SEVERAL, "grid", "random", "tpe", "default"):
        row: list[Text | str] = [method, f"{runs.budget(method):.0f}"]
        for moment in ("final", "best"):
            scores = runs.scores(method, moment)
            row += [mean(scores), "" if method == SEVERAL else over_seeds(runs.scores(SEVERAL, moment), scores)]
        rows.append(row)
    header = ["Method", "Runs", "Last epoch", f"{SEVERAL} − it", "Best checkpoint", f"{SEVERAL} − it"]
    caption = f"{_LABELS}: {_extent(runs)}. Of several runs one is picked by validation accuracy. {SEEDS}"
    return table(header, rows, caption)


def grids() -> str:
    """``default`` against a finer and a wider grid than the study's."""
    runs = controllers()
    finer = load("controllers/grid-51.csv", "controllers/grid-51.toml")
    wider = load("controllers/wide-grid.csv", "controllers/wide-grid.toml")
    rows = [
        _grid_row("11 levels to 0.5", runs, runs, "grid"),
        _grid_row("51 levels to 0.5", runs, finer, "grid:51"),
        _grid_row("11 levels to 1.5", runs, wider, "grid"),
        ["default", "1", f"{len(runs.repeats)}", *_means_by_noise(runs, "default", ()), "", ""],
        [SEVERAL, "11", f"{len(runs.repeats)}", *_means_by_noise(runs, SEVERAL, ()), "", ""],
    ]
    noises = [f"{noise:.0%}" for noise in sorted({task.label_noise for task in runs.tasks})]
    header = ["Grid", "Runs", "Seeds", *noises, "Mean", "default − it", f"{SEVERAL} − it"]
    caption = (
        f"{_LABELS}, after the last epoch, by share of wrong labels. Differences are paired on the seeds that the grid "
        f"has. {SEEDS}"
    )
    return table(header, rows, caption)


def _grid_row(name: str, runs: Runs, grid: Runs, method: str) -> list[Text | str]:
    scores, repeats = grid.scores(method), grid.repeats
    return [
        name,
        f"{grid.budget(method):.0f}",
        f"{len(repeats)}",
        *_means_by_noise(grid, method, repeats),
        over_seeds(runs.scores("default", repeats=repeats), scores),
        over_seeds(runs.scores(SEVERAL, repeats=repeats), scores),
    ]


def _means_by_noise(runs: Runs, method: str, repeats: Sequence[int]) -> list[str]:
    """At each share of wrong labels, and over all."""
    parts = [
        runs.only(_with_noise(noise)) for noise in sorted({task.label_noise for task in runs.tasks})
    ]
    found: list[Array] = [part.scores(method, repeats=repeats) for part in (*parts, runs)]
    return [mean(scores) for scores in found]


def _with_noise(noise: float) -> Callable[..., bool]:
    return lambda task: bool(task.label_noise == noise)


def _extent(runs: Runs) -> str:
    data = {task.data for task in runs.tasks}
    noises = {task.label_noise for task in runs.tasks}
    return f"{counted(data, 'data set')}, {counted(noises, 'share')} of wrong labels, {counted(runs.repeats, 'seed')}"


def _named(runs: Runs, method: str) -> str:
    return f"{method} {ORACLE}" if method in runs.oracles else method


def _is_oracle(cell: Text | str) -> bool:
    return ORACLE in (cell.text if isinstance(cell, Text) else cell)
