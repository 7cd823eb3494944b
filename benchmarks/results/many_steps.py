"""The tables of runs of many steps: the ablation of the mechanism, and what a user would do instead."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.ablation import NOISES, VARIANTS
from benchmarks.results.cells import CLEAN, SEEDS, mean, over_seeds, plus_minus, share, table
from benchmarks.results.runs import FOLDER, KeptRuns, load
from rlflood.experiments.methods import get_method
from rlflood.experiments.report.text.markup import Text
from rlflood.experiments.report.text.tables import MARK
from rlflood.metrics import Array
from rlflood.training.trainer import MOMENTS, Moment
from rlflood.words import counted

BASE = "hold"


def ablation() -> str:
    """Each variant's average less that of ``hold``, which it differs from in one thing, regime by regime."""
    found: dict[str, Any] = json.loads((FOLDER / "many-steps/ablation.json").read_text(encoding="utf-8"))
    rows: list[list[Text | str]] = []
    early: list[Text | str] = ["early stopping"]
    for regime in found.values():
        plain, base = next(iter(regime["variants"].values())), regime["variants"][BASE]
        early += [_percent(plain["best"]), _less(plain["best"], base["average"])]
    rows.append(early)
    names = [name for name in VARIANTS if any(name in regime["variants"] for regime in found.values())]
    for name in names:
        row: list[Text | str] = [name]
        for regime in found.values():
            scored, base = regime["variants"].get(name), regime["variants"][BASE]
            if scored is None:
                row += ["", ""]
                continue
            own = scored["best-average" if name.startswith("none") else "average"]
            row += [_percent(own), "" if name == BASE else _less(own, base["average"])]
        rows.append(row)
    header = ["Variant"]
    for regime in found:
        header += [regime, "less hold"]
    draws = len(next(iter(found.values()))["noise"]) // len(NOISES)
    caption = (
        f"{CLEAN}: of the averaged network after the last epoch; of none, of the average at its best "
        f"validation accuracy. {counted(draws, 'problem')} at {len(NOISES)} label noises in each regime. "
        f"±: half the 95 % interval over problems (Student's t); {MARK}: it excludes 0."
    )
    return table(header, rows, caption)


def _percent(values: list[float]) -> str:
    return mean(np.array(values))


def _less(values: list[float], base: list[float]) -> Text:
    return plus_minus(_by_draw(values), _by_draw(base))


def _by_draw(values: list[float]) -> Array:
    """Means over the noises of each problem: what is at several noises is no evidence of its own."""
    means: Array = np.reshape(values, (-1, len(NOISES))).mean(axis=1)
    return means


def instead() -> str:
    """The study ``instead``: the four networks of each method, and what is deployed less two rivals."""
    return _methods(load("many-steps/instead.csv", "instead"))


def instead_optimizers() -> str:
    """The study ``instead-optimizers``: SGD with momentum and a cosine schedule, and batch normalisation."""
    return _methods(load("many-steps/instead-optimizers.csv", "instead-optimizers"))


def instead_images() -> str:
    """The study ``instead-cnn``: images and a small convolutional network."""
    return _methods(load("many-steps/instead-cnn.csv", "instead-cnn"))


def _methods(runs: KeptRuns) -> str:
    early, stopped = runs.scores("none", "best"), runs.scores("none", "best-average")
    rows: list[list[Text | str]] = []
    for method in runs.methods:
        deployed = get_method(method).deployed
        cells: list[Text | str] = [method]
        for moment in MOMENTS:
            cells.append(Text(mean(runs.scores(method, moment)), bold=moment == deployed))
        # of what keeps no checkpoint the better of its two
        moment = deployed if deployed != "last" else _better(runs, method)
        scores = runs.scores(method, moment)
        rows.append([*cells, over_seeds(scores, early), over_seeds(scores, stopped)])
    header = ["Method", *MOMENTS, "without a checkpoint - early stopping", "- EMA, stopped early"]
    caption = (
        f"{CLEAN}: means over {counted(len(runs.tasks), 'task')} and {counted(len(runs.repeats), 'seed')}, "
        "the network that is deployed in bold. The differences are those of the average or, where it is "
        f"better, of the last network: neither needs a checkpoint. {SEEDS}"
    )
    return table(header, rows, caption)


SAME_LABELS: dict[str, tuple[str, Moment]] = {
    "early stopping, 80 to 20": ("none", "best"),
    "its EMA": ("none", "best-average"),
    "early stopping, 50 to 50": ("half:early-stopping", "best"),
    "none, all labels": ("all:none", "last"),
    "its EMA, last": ("all:ema", "average"),
    "Label Wave, all labels": ("all:label-wave", "last"),
    "ELR, all labels, averaged": ("all:elr", "average"),
    "`blind`, all labels, averaged": ("all:blind", "average"),
}
"""What one can do with the same labels: methods and their networks, by the heading of a row."""


def without_validation() -> str:
    """The study ``without-validation``: with a validation split, and trained on all of the labels."""
    runs = load("many-steps/without-validation.csv", "without-validation")
    early = runs.scores("none", "best")
    rows: list[list[Text | str]] = []
    for name, (method, moment) in SAME_LABELS.items():
        row: list[Text | str] = [name]
        for noise in runs.noises:
            some = runs.at_noise(noise)
            scores, rival = some.scores(method, moment), some.scores("none", "best")
            mark = "" if (method, moment) == ("none", "best") else over_seeds(scores, rival).mark
            row.append(Text(mean(scores), mark=mark))
        scores = runs.scores(method, moment)
        same = (method, moment) == ("none", "best")
        rows.append([*row, mean(scores), "" if same else over_seeds(scores, early)])
    header = ["Method", *(f"{share(noise)} noise" for noise in runs.noises), "all", "less early stopping"]
    data = len({task.data for task in runs.tasks})
    caption = (
        f"{CLEAN}: means over {counted(data, 'data set')} and {counted(len(runs.repeats), 'seed')}. "
        f"{SEEDS} In columns of noise, {MARK}: that of the difference from early stopping does."
    )
    return table(header, rows, caption)


def _better(runs: KeptRuns, method: str) -> Moment:
    """Of the two networks that need no checkpoint the better one on the mean, for the rival's sake."""
    return max(("last", "average"), key=lambda moment: float(runs.scores(method, moment).mean()))


COLUMNS: dict[str, tuple[str, Moment]] = {
    "early stopping": ("none", "best"),
    "EMA, stopped early": ("none", "best-average"),
    "hold": ("hold", "average"),
    "hold-returning": ("hold-returning", "average"),
    "ELR, last": ("elr", "last"),
    "ELR, best EMA": ("elr", "best-average"),
    "ELR, hold": ("with:elr:hold", "average"),
    "ELR, returning": ("with:elr:hold-returning", "average"),
    "ELR, by accuracy": ("with:elr:hold-by-accuracy", "average"),
    "robust": ("robust", "average"),
}
"""Methods and their networks, by the heading of a column."""


def criteria_by_task() -> str:
    """Task by task: flooding, ELR, and both."""
    return by_task(load("many-steps/instead.csv", "instead"), COLUMNS)


def optimizers_by_task() -> str:
    """The same under other optimizers."""
    return by_task(load("many-steps/instead-optimizers.csv", "instead-optimizers"), COLUMNS)


def by_task(runs: KeptRuns, networks: Mapping[str, tuple[str, Moment]]) -> str:
    """Every task: the networks of those methods that were run, beside an EMA that is stopped early.

    Args:
        runs: Of a study with ``none``.
        networks: Methods and their networks, by the heading of a column.
    """
    columns = {name: pair for name, pair in networks.items() if pair[0] in runs.methods}
    rows: list[list[Text | str]] = []
    for place, task in enumerate(runs.tasks):
        row: list[Text | str] = [task.name]
        stopped = runs.scores("none", "best-average")[place]
        for method, moment in columns.values():
            scores = runs.scores(method, moment)[place]
            same = (method, moment) == ("none", "best-average")
            row.append(Text(mean(scores), mark="" if same else plus_minus(scores, stopped).mark))
        rows.append(row)
    caption = (
        f"{CLEAN}: means over {counted(len(runs.repeats), 'seed')}. Averages are those at the last epoch. "
        f"{MARK}: the 95 % interval of the difference from the EMA that is stopped early (Student's t, "
        "paired by seeds) excludes 0."
    )
    return table(["Task", *columns], rows, caption)
