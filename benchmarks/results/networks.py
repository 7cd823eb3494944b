"""Tables of other networks, more data and other settings than those of the study ``controllers``."""

import json

import numpy as np

from benchmarks.results.cells import (
    BOTH,
    CLEAN,
    FINAL,
    NO_USER,
    SEEDS,
    mean,
    over_seeds,
    plus_minus,
    share,
    table,
)
from benchmarks.results.runs import FOLDER, KeptRuns, load, renamed
from rlflood.experiments.analysis.statistics import paired
from rlflood.experiments.report.text.markup import Text
from rlflood.experiments.report.text.tables import ORACLE, in_percent
from rlflood.metrics import Array
from rlflood.training import Task
from rlflood.words import counted

_POINTS, _MANY_POINTS = 2, 5

# how the study names what it changes, and what that is
_CHANGES = {
    "as in controllers": "nothing",
    "50 validation samples": "50 validation samples",
    "50 training and 50 validation samples": "50 training and 50 validation samples",
    "50 epochs": "50 epochs",
    "600 epochs": "600 epochs",
    "Adam at 3e-4": "Adam at 3e-4",
    "Adam at 3e-3": "Adam at 3e-3",
    "SGD at 0.05, momentum": "SGD at 0.05, momentum 0.9",
    "batches of 20": "batches of 20, 60 epochs",
    "1x32": "one layer of 32",
    "2x300": "two layers of 300",
    "5x50": "five layers of 50",
    "batch normalisation": "batch normalisation",
}


def more_data() -> str:
    """Fashion-MNIST with 5,000 images, by noise."""
    runs = _large().only(_is_more_data)
    columns = ["none", "early-stopping", "tracking", "grid", "default", "oracle"]
    rows: list[list[Text | str]] = []
    for number, task in enumerate(runs.tasks):
        scores = {method: runs.scores(method)[number] for method in columns}
        rows.append(
            [
                share(task.label_noise),
                *(mean(scores[method]) for method in columns),
                *(plus_minus(scores["default"], scores[other]) for other in ("none", "grid")),
            ]
        )
    means = [mean(runs.scores(method)) for method in columns]
    rows.append(["all", *means, *_against(runs, "none", "grid")])
    header = ["Wrong labels", *_named(columns), "default minus none", "default minus grid"]
    caption = f"{FINAL}: {counted(runs.repeats, 'seed')}. {BOTH} {NO_USER}"
    return table(header, rows, caption)


def paper_network() -> str:
    """Five layers of 500, by task: how much ``default`` gains, and how often it loses."""
    runs = load("large/5x500.csv", "large/5x500.toml")
    rows: list[list[Text | str]] = []
    for number, task in enumerate(runs.tasks):
        none, own = runs.scores("none")[number], runs.scores("default")[number]
        rows.append(
            [
                _data(task),
                share(task.label_noise),
                *(mean(scores[number]) for scores in _paper_columns(runs)),
                plus_minus(own, none),
                *_losses(own, none),
            ]
        )
    none, own = runs.scores("none"), runs.scores("default")
    last = [mean(scores) for scores in _paper_columns(runs)]
    rows.append(["all", "", *last, *_against(runs, "none"), *_losses(own, none)])
    header = [
        "Data", "Wrong labels", "none", "early-stopping", "rewind", "default", "default, best checkpoint",
        "default minus none", "Worst run", f"Runs over {_POINTS} points below none",
    ]  # fmt: skip
    caption = (
        f"{FINAL}, if nothing else is said: {counted(runs.repeats, 'seed')}. {BOTH} "
        "Worst run: the lowest difference from the run without flooding on the same seeds. "
        f"More than {_MANY_POINTS} points below: {_below(own, none, _MANY_POINTS)}."
    )
    return table(header, rows, caption)


def paper_network_summary() -> str:
    """Five layers of 500: ``default`` against each other method, over all tasks."""
    runs = load("large/5x500.csv", "large/5x500.toml")
    rows: list[list[Text | str]] = []
    early, best = runs.scores("none", "best"), runs.scores("default", "best")
    for name, own, other in (
        ("none", runs.scores("default"), runs.scores("none")),
        ("rewind", runs.scores("default"), runs.scores("rewind")),
        ("early-stopping", runs.scores("default"), early),
        ("early-stopping, from the best checkpoint of default", best, early),
        ("rewind, both at their best checkpoint", best, runs.scores("rewind", "best")),
    ):
        rows.append([name, mean(other), mean(own), over_seeds(own, other)])
    caption = f"{CLEAN}: {counted(runs.tasks, 'task')}, {counted(runs.repeats, 'seed')}. {SEEDS}"
    return table(["Compared with", "It", "default", "default minus it"], rows, caption)


def paper_network_searches() -> str:
    """Five layers of 500 beside a grid and the rules of one run, by data set."""
    runs = _large().only(lambda task: not _is_more_data(task))
    columns = ["none", "early-stopping", "tracking", "backward", "grid", "default", "oracle"]
    rows = [
        _searches(data, runs.only(lambda task, data=data: task.data == data), columns)
        for data in dict.fromkeys(task.data for task in runs.tasks)
    ]
    rows.append(_searches("all", runs, columns))
    header = ["Data", *_named(columns), "default minus grid", "best checkpoints: default minus grid"]
    caption = (
        f"{FINAL}: means over {counted(runs.noises, 'share')} of wrong labels, "
        f"{counted(runs.repeats, 'seed')}; the grid has 11 levels. {SEEDS} {NO_USER}"
    )
    return table(header, rows, caption)


def one_thing_changed() -> str:
    """One setting after another: without wrong labels, and with some."""
    runs = load("robustness/runs.csv", "robustness/study.toml")
    rows: list[list[Text | str]] = []
    columns = ["none", "early-stopping", "default"]
    for change, named in _CHANGES.items():
        cells: list[Text | str] = [named]
        for noise in (0.0, 0.2):
            some = runs.at_noise(noise).only(
                lambda task, change=change: task.name.startswith(f"{change} {task.data}")
            )
            cells += [*(mean(some.scores(method)) for method in columns), *_against(some, "none")]
        rows.append(cells)
    header = ["Changed"]
    for noise in ("clean", "20 % wrong"):
        header += [f"{noise}: {column}" for column in (*columns, "default minus none")]
    pairs = zip(runs.scores("default"), runs.scores("none"), strict=True)
    each = [paired(own, none).difference for own, none in pairs]
    above, below = sum(one.low > 0 for one in each), sum(one.high < 0 for one in each)
    caption = (
        f"{FINAL}: means of {counted({task.data for task in runs.tasks}, 'data set')}, "
        f"{counted(runs.repeats, 'seed')}. {SEEDS} Of the {counted(each, 'task')} one by one, default is "
        f"above none on {above} and below it on {below} (95 % t interval)."
    )
    return table(header, rows, caption)


def fashion_mnist_cnn() -> str:
    """All of Fashion-MNIST and a convolutional network: one seed."""
    records = {
        (file, record["method"]): renamed(record)
        for file in ("fashion-mnist-default.json", "fashion-mnist.json")
        for record in json.loads((FOLDER / file).read_text())["records"]
    }
    rows: list[list[Text | str]] = []
    for method, file in (
        ("none", "fashion-mnist-default.json"),
        ("default", "fashion-mnist-default.json"),
        ("grid", "fashion-mnist.json"),
    ):
        record = records[file, method]
        runs = record["epochs_spent"][0] / len(record["levels"][0])
        moments = [np.array(record[name]) for name in ("test_acc_last", "test_acc_best")]
        rows.append([method, f"{runs:.0f}", *(mean(scores) for scores in moments)])
    search = renamed(records["fashion-mnist.json", "grid"]["search"])
    by_level = ", ".join(
        f"{in_percent(score)} at {level:g}"
        for level, score in zip(search["values"][0], search["test_acc_last"][0], strict=True)
    )
    caption = (
        f"{CLEAN}: 1 seed, so no intervals. The grid by level, in nats, after the last epoch: {by_level}."
    )
    return table(["Method", "Runs", "Last epoch", "Best checkpoint"], rows, caption)


def _large() -> KeptRuns:
    return load("large/runs.csv", "controllers-large")


def _is_more_data(task: Task) -> bool:
    return task.train_size == 5000


def _data(task: Task) -> str:
    return f"{task.data}, {task.train_size} images" if task.data == "fashion-mnist" else task.data


def _paper_columns(runs: KeptRuns) -> tuple[Array, ...]:
    """None, early stopping (the best checkpoint of none), the rule, ``default`` and its best checkpoint."""
    return (
        runs.scores("none"), runs.scores("none", "best"), runs.scores("rewind"),
        runs.scores("default"), runs.scores("default", "best"),
    )  # fmt: skip


def _losses(own: Array, none: Array) -> list[str]:
    """The worst run, and how many are well below no flooding."""
    return [in_percent(float((own - none).min()), signed=True), _below(own, none, _POINTS)]


def _below(own: Array, none: Array, points: float) -> str:
    """How many runs are more than so many points below no flooding."""
    return f"{int((100 * (own - none) < -points).sum())} of {own.size}"


def _searches(name: str, runs: KeptRuns, columns: list[str]) -> list[Text | str]:
    best = over_seeds(runs.scores("default", "best"), runs.scores("grid", "best"))
    return [name, *(mean(runs.scores(method)) for method in columns), *_against(runs, "grid"), best]


def _against(runs: KeptRuns, *others: str) -> list[Text]:
    return [over_seeds(runs.scores("default"), runs.scores(other)) for other in others]


def _named(methods: list[str]) -> list[str]:
    return [f"{method} {ORACLE}" if method == "oracle" else method for method in methods]
