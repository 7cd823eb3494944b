"""Tables of the flooding paper's own experiments on synthetic data, beside its figures."""

import json
from dataclasses import dataclass

import numpy as np

from benchmarks.results.cells import (
    SEEDS,
    T_INTERVAL,
    accuracy,
    mean,
    over_seeds,
    plus_minus,
    share,
    table,
    with_half,
)
from benchmarks.results.runs import FOLDER, load
from rlflood.experiments.analysis.aggregates import mean as mean_of
from rlflood.experiments.analysis.aggregates import stratified_interval
from rlflood.experiments.analysis.statistics import mean_interval
from rlflood.experiments.report.text.markup import Text
from rlflood.experiments.report.text.tables import in_percent
from rlflood.metrics import Array
from rlflood.words import counted


@dataclass(frozen=True)
class Quoted:
    """Figures of others: test accuracies in percent, after the last epoch.

    Attributes:
        without: Without flooding.
        flooded: With the level that validation picked.
        level: That level, in nats, averaged.
    """

    without: float
    flooded: float
    level: float


# Ishida et al., "Do we need zero training loss after achieving zero training error?" (ICML 2020), table 2; of
# the sinusoid and the spiral its first version
PAPER = {
    ("two-gaussians", 0.01): Quoted(90.52, 92.13, 0.17),
    ("two-gaussians", 0.05): Quoted(84.79, 88.03, 0.22),
    ("two-gaussians", 0.1): Quoted(78.44, 83.59, 0.32),
    ("sinusoid", 0.01): Quoted(93.84, 94.46, 0.01),
    ("sinusoid", 0.05): Quoted(91.12, 95.44, 0.10),
    ("sinusoid", 0.1): Quoted(86.57, 96.02, 0.17),
    ("spiral", 0.01): Quoted(98.96, 97.85, 0.01),
    ("spiral", 0.05): Quoted(93.87, 96.24, 0.04),
    ("spiral", 0.1): Quoted(89.70, 92.96, 0.16),
}
# the replication of the first that rlflood began with: 51 levels, 10 trials
REPLICATION = {
    0.01: Quoted(90.13, 91.69, 0.18),
    0.05: Quoted(83.56, 86.35, 0.23),
    0.1: Quoted(77.89, 80.62, 0.29),
}
# what that replication reports of each method at 10 % noise, one run each but the grid
BY_HAND = {"none": 77.89, "adaptive": 79.12, "backward": 79.89, "grid": 80.62}


def two_gaussians() -> str:
    """The paper's first data set: without flooding, and with a grid search for the level."""
    noises = json.loads((FOLDER / "two-gaussians.json").read_text())
    levels = np.array(noises["levels"])
    rows: list[list[Text | str]] = []
    best = []
    for name, runs in noises["label_noise"].items():
        noise = float(name)
        rows.append([share(noise), "the paper", *_quoted(PAPER["two-gaussians", noise])])
        rows.append([share(noise), "an earlier replication", *_quoted(REPLICATION[noise])])
        scores, picked = np.array(runs["final_test_accuracy_noisy_labels"]), np.array(runs["picked_level"])
        # levels are steps of 0.05; the first is no flooding
        flooded = scores[np.arange(len(picked)), abs(levels - picked[:, None]).argmin(axis=1)]
        without = scores[:, 0]
        gain = plus_minus(flooded, without)
        rows.append(
            [
                share(noise), "rlflood", with_half(mean_interval(without)), with_half(mean_interval(flooded)),
                gain, _mean_level(picked),
            ]
        )  # fmt: skip
        constant = scores.mean(axis=0)
        level = levels[constant.argmax()]
        best.append(f"{in_percent(float(constant.max()))} with {level:.2f} at {share(noise)}")
    header = ["Wrong labels", "Whose", "Without", "With flooding", "Gain", "Mean level"]
    caption = (
        f"Test accuracy in %, noisy labels, after the last epoch: {counted(noises['repeats'], 'trial')}. "
        f"{T_INTERVAL} The best constant level over all trials: {'; '.join(best)}."
    )
    return table(header, rows, caption)


def by_hand() -> str:
    """One run under ``default`` where rules of thumb and a grid were tried by hand."""
    runs = load("seeds-table/runs.csv", "seeds-table/study.toml")
    rows: list[list[Text | str]] = []
    own = runs.scores("default")
    for method in runs.methods:
        scores = runs.scores(method)
        rows.append(
            [
                method,
                f"{runs.budget(method):.0f}",
                f"{BY_HAND[method]:.2f}" if method in BY_HAND else "",
                accuracy(stratified_interval(scores, mean_of)),
                "" if method == "default" else over_seeds(own, scores),
            ]
        )
    averaged = load("seeds-table/averaged.csv", "seeds-table/averaged.toml")
    for name, method in (("`HoldFlood()`, averaged", "hold-returning"), ("`robust`, averaged", "robust")):
        scores = averaged.scores(method, "average")
        rows.append([name, "1", "", accuracy(stratified_interval(scores, mean_of)), over_seeds(own, scores)])
    same = int((own == runs.scores("rewind")).sum())
    caption = (
        f"Test accuracy in %, noisy labels, after the last epoch: {counted(runs.repeats, 'trial')}. {SEEDS} "
        f"{same} of the {own.size} runs under default end just as under rewind."
    )
    return table(["Method", "Runs", "The replication's", "Accuracy", "default minus it"], rows, caption)


def synthetic() -> str:
    """The paper's three generators at its three noise levels."""
    runs = load("paper-table-2/runs.csv", "paper-table-2/study.toml")
    # the paper's figures for these are above what noisy test labels allow
    clean = runs.against(noisy=False)
    rows: list[list[Text | str]] = []
    for number, task in enumerate(runs.tasks):
        labels = runs if task.data == "two-gaussians" else clean
        without, flooded = (labels.scores(method)[number] for method in ("none", "grid"))
        quoted = PAPER[task.data, task.label_noise]
        rows.append(
            [
                task.data,
                share(task.label_noise),
                *_quoted(quoted),
                with_half(mean_interval(without)),
                with_half(mean_interval(flooded)),
                plus_minus(flooded, without),
                _mean_level(runs.picked("grid")[number]),
                *(mean(labels.scores(method, "best")[number]) for method in ("none", "grid")),
            ]
        )
    header = [
        "Data", "Wrong labels", "Paper: without", "with", "gain", "mean level",
        "Here: without", "with", "gain", "mean level", "best checkpoint: without", "with",
    ]  # fmt: skip
    caption = (
        "Test accuracy in %, noisy labels for two-gaussians and clean ones for the others, after the last "
        f"epoch if nothing else is said: {counted(runs.repeats, 'trial')}, 11 levels. {T_INTERVAL}"
    )
    return table(header, rows, caption)


def _quoted(quoted: Quoted) -> list[str]:
    gain = in_percent((quoted.flooded - quoted.without) / 100, signed=True, digits=2)
    return [f"{quoted.without:.2f}", f"{quoted.flooded:.2f}", gain, f"{quoted.level:.2f}"]


def _mean_level(picked: Array) -> str:
    # half a hundredth is to be rounded up, whatever the last bits of a sum
    return f"{round(float(picked.mean()), 6):.2f}"
