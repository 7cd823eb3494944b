"""``FloodClassifier`` beside scikit-learn's ``MLPClassifier(early_stopping=True)`` on five real tables.

``python -m benchmarks.classifier --json docs/results/classifier.json`` takes some ten minutes
of one core, and needs statsmodels (``pip install statsmodels``), which ships the fifth table.
"""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import sklearn
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rlflood.data import add_label_noise
from rlflood.errors import InputError, told
from rlflood.experiments.analysis.statistics import paired
from rlflood.integrations.scikit_learn import FloodClassifier
from rlflood.interrupts import sigterm_as_ctrl_c
from rlflood.output import check_output, write_output

Sample = tuple[NDArray[np.float64], NDArray[np.int64]]

HIDDEN, EPOCHS, BATCH = (100,), 100, 32
NOISES = (0.0, 0.2)
TEST_SHARE = 0.25
OURS = "FloodClassifier"


def votes() -> Sample:
    """The American National Election Study of 1996: for which of two candidates somebody means to vote."""
    try:
        from statsmodels.datasets import anes96
    except ImportError:
        raise InputError("the fifth table comes with statsmodels: pip install statsmodels") from None
    table = anes96.load_pandas().data
    # the size of the place is there twice, the second time as a logarithm
    return table.drop(columns=["vote", "logpopul"]).to_numpy(float), table["vote"].to_numpy(int)


TABLES: dict[str, Callable[[], Sample]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "votes": votes,
    "wine": lambda: load_wine(return_X_y=True),
    "iris": lambda: load_iris(return_X_y=True),
}


def multilayer_perceptron(seed: int, **options: Any) -> ClassifierMixin:
    """scikit-learn's, with early stopping, on standardised features, as ours standardises them."""
    network = MLPClassifier(HIDDEN, max_iter=EPOCHS, early_stopping=True, random_state=seed, **options)
    return make_pipeline(StandardScaler(), network)


SIDES: Mapping[str, Callable[[int], ClassifierMixin]] = {
    OURS: lambda seed: FloodClassifier(HIDDEN, epochs=EPOCHS, batch_size=BATCH, random_state=seed),
    "MLPClassifier, same batches": lambda seed: multilayer_perceptron(seed, batch_size=BATCH),
    "MLPClassifier, its own batches": multilayer_perceptron,
}
"""Adam at a learning rate of 0.001 for all."""


@dataclass
class Scored:
    """A table at a label noise.

    Attributes:
        accuracy: Of each side, on test samples with their true labels, seed by seed.
        seconds: Of CPU time that each fit has taken.
    """

    table: str
    noise: float
    samples: int
    accuracy: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    seconds: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})


def score(name: str, noise: float, seeds: int) -> Scored:
    """Fit all sides, in turns, on the same samples with the same wrong labels."""
    x, y = TABLES[name]()
    scored = Scored(name, noise, len(y))
    for seed in range(seeds):
        train_x, test_x, train_y, test_y = train_test_split(
            x, y, test_size=TEST_SHARE, stratify=y, random_state=seed
        )
        given = add_label_noise(
            train_y.astype(np.int64), noise, int(y.max()) + 1, np.random.default_rng(seed)
        )
        for side, make in SIDES.items():
            classifier, start = make(seed), time.process_time()
            classifier.fit(train_x, given)
            scored.seconds[side].append(time.process_time() - start)
            scored.accuracy[side].append(float(classifier.score(test_x, test_y)))
    return scored


def main(
    seeds: Annotated[int, typer.Option(help="Splits, wrong labels and initialisations.", min=2)] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything to this file.")] = None,
) -> None:
    """Compare them on every table, and say how."""
    if json_file is not None:
        check_output(json_file, "--json")
    votes()  # what may be missing is told before the work
    torch.set_num_threads(1)
    # the first fit loads what PyTorch loads late
    FloodClassifier(epochs=1).fit(*load_iris(return_X_y=True))
    console, rows = Console(), []
    with warnings.catch_warnings():
        # all epochs that there are have gone by before it stopped: its budget is ours
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name in TABLES:
            for noise in NOISES:
                rows.append(score(name, noise, seeds))
                for side in list(SIDES)[1:]:
                    console.print(compared(rows[-1], side), soft_wrap=True)
    if json_file is not None:
        found = {
            "versions": {
                "sklearn": sklearn.__version__, "torch": str(torch.__version__),
                "numpy": np.__version__,
            },
            "cores": os.cpu_count(), "hidden": HIDDEN, "epochs": EPOCHS, "batch": BATCH, "ours": OURS,
            "rows": [asdict(row) for row in rows],
        }  # fmt: skip
        write_output(json_file, json.dumps(found, indent=1) + "\n", "--json", rescue=True)


def compared(scored: Scored, other: str) -> str:
    """One line: how much ours is above another, in points, and how many times as long it takes."""
    gain = paired(scored.accuracy[OURS], scored.accuracy[other]).difference
    times = np.median(np.divide(scored.seconds[OURS], scored.seconds[other]))
    return (
        f"{scored.table}, {scored.noise:.0%} wrong: {100 * np.mean(scored.accuracy[OURS]):.1f} %, "
        f"{100 * gain.mean:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] to {other}, "
        f"{times:.1f} times its time"
    )


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
