"""Tables of what one run gives without a checkpoint, averaged: on small tables and in mini-batches."""

from benchmarks.results.cells import CLEAN, SEEDS, mean, over_groups, over_seeds, share, table
from benchmarks.results.many_steps import by_task
from benchmarks.results.runs import KeptRuns, load
from benchmarks.results.unseen import controllers
from rlflood.experiments.report.text.markup import Text
from rlflood.training.trainer import Moment
from rlflood.words import counted

Network = tuple[str, Moment]

EARLY: Network = ("none", "best")
STOPPED: Network = ("none", "best-average")
ONE_RUN: dict[str, Network] = {
    "no flooding": ("none", "last"),
    "early stopping": EARLY,
    "EMA, stopped early": STOPPED,
    "ELR, averaged": ("elr", "average"),
    "`default`, last epoch": ("default", "last"),
    "`HoldFlood()`, averaged": ("hold-returning", "average"),
    "ELR under `HoldFlood()`, averaged": ("with:elr:hold-returning", "average"),
    "`robust`, averaged": ("robust", "average"),
}
"""Methods of one run and the network that is deployed, by the heading of a row."""
SEARCHES = {"grid of 11 levels": "grid", "Optuna's TPE, 11 runs": "tpe"}
"""Of the study ``controllers``, on the same seeds, by the heading of a row."""


def small_tables() -> KeptRuns:
    """The 28 tasks of the study ``controllers`` again, with the averaged networks."""
    return load("controllers/averaged.csv", "controllers-averaged")


def mini_batches() -> KeptRuns:
    """Runs of thousands of mini-batches."""
    return load("many-steps/controllers-minibatch.csv", "controllers-minibatch")


def averaged() -> str:
    """One run of each method on small tables, beside searches of eleven."""
    runs = small_tables()
    grid = controllers().scores("grid", repeats=runs.repeats)
    searched = {name: controllers().scores(method, repeats=runs.repeats) for name, method in SEARCHES.items()}
    one_run = {name: runs.scores(*network) for name, network in ONE_RUN.items()}
    early, groups = runs.scores(*EARLY), [task.data for task in runs.tasks]
    rows: list[list[Text | str]] = []
    for name, scores in {**one_run, **searched}.items():
        noises = [mean(scores[_places(runs, noise)]) for noise in runs.noises]
        versus: list[Text | str] = ["", "", ""]
        if scores is not one_run["early stopping"]:
            versus[:2] = over_seeds(scores, early), over_groups(scores, early, groups)
        if name != next(iter(SEARCHES)):
            versus[2] = over_seeds(scores, grid)
        rows.append([name, *noises, mean(scores), *versus])
    header = [
        "Method", *(f"{share(noise)} noise" for noise in runs.noises), "all", "less early stopping",
        "for other data sets", "less the grid",
    ]  # fmt: skip
    caption = (
        f"{CLEAN}: {counted(set(groups), 'data set')}, {counted(runs.repeats, 'seed')}. {SEEDS} For other "
        "data sets: the interval of the difference from early stopping with data sets drawn too."
    )
    return table(header, rows, caption)


def mini_batches_by_noise() -> str:
    """Each method less an EMA that is stopped early, by optimizer and label noise."""
    runs = mini_batches()
    rows: list[list[Text | str]] = []
    for name, network in _there(runs).items():
        row: list[Text | str] = [name]
        for optimizer in ("adam", "sgd"):
            own = runs.only(lambda task, kind=optimizer: task.optimizer == kind)  # type: ignore[misc]
            for noise in runs.noises:
                some = own.at_noise(noise)
                row.append(_less(some, network, STOPPED))
        rows.append([*row, _less(runs, network, EARLY), _less(runs, network, STOPPED)])
    noises = [share(noise) for noise in runs.noises]
    header = [
        "Method", *(f"Adam, {noise}" for noise in noises), *(f"SGD, {noise}" for noise in noises),
        "all, less early stopping", "all, less its EMA",
    ]  # fmt: skip
    caption = (
        "Test accuracy in points, clean labels, less that of an EMA that is stopped early: means over data "
        f"sets and {counted(runs.repeats, 'seed')}. {SEEDS}"
    )
    return table(header, rows, caption)


def mini_batches_by_task() -> str:
    """Every task."""
    return by_task(mini_batches(), ONE_RUN)


def readme() -> str:
    """What one run gives, on small tables and in mini-batches: the table of the README."""
    small, large = small_tables(), mini_batches()
    rows: list[list[Text | str]] = []
    for name, network in _there(large).items():
        row: list[Text | str] = [name]
        for runs in (small, large):
            row += [mean(runs.scores(*network)), _less(runs, network, EARLY)]
        rows.append(row)
    grid = controllers().scores("grid", repeats=small.repeats)
    rows.append([next(iter(SEARCHES)), mean(grid), over_seeds(grid, small.scores(*EARLY)), "", ""])
    header = ["Method", "Small tables", "less early stopping", "Mini-batches", "less early stopping"]
    return table(header, rows, SEEDS)


def _there(runs: KeptRuns) -> dict[str, Network]:
    return {name: network for name, network in ONE_RUN.items() if network[0] in runs.methods}


def _less(runs: KeptRuns, network: Network, rival: Network) -> Text | str:
    return "" if network == rival else over_seeds(runs.scores(*network), runs.scores(*rival))


def _places(runs: KeptRuns, noise: float) -> list[int]:
    return [place for place, task in enumerate(runs.tasks) if task.label_noise == noise]
