"""A small comparison that several tests look at, and a controller."""

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.experiments import Setting, compare, get_methods
from rlflood.experiments.methods import Method
from rlflood.experiments.runs.diagnosis import Diagnosis
from rlflood.experiments.runs.record import TEST_SCORES, Record, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.study.file import Study, StudyTask
from rlflood.experiments.study.results import Results
from rlflood.training import Task

TASK = Task(
    data="wine", train_size=40, val_size=40, label_noise=0.2, hidden=(16,), epochs=12, learning_rate=0.02
)
NAMES = ("none", "grid", "tracking", "constant:0.3")


@pytest.fixture(scope="session")
def setting():
    return Setting.from_seed(TASK, seed=3, repeats=3)


@pytest.fixture(scope="session")
def records(setting):
    return list(compare(setting, get_methods(NAMES)))


@pytest.fixture
def controller_file(tmp_path):
    """A controller of one linear layer that prefers the second of its levels whatever it sees."""
    spec = ControlSpec("metrics", LevelSet((0.0, 0.25, 0.5)), decisions=3)
    layer = (np.zeros((3, 4), np.float32), np.array([0, 1, 0], np.float32))
    file = tmp_path / "second.safetensors"
    Controller(spec, [layer]).save(file)
    return file


class _Invented(Method):
    """A method that nobody runs: its results are made up."""

    def __init__(self, name, oracle):
        self.name, self.oracle = name, oracle

    def epochs(self, task):
        return task.epochs

    def run(self, setting, on_progress=None):
        raise AssertionError("nothing is trained here")


@pytest.fixture(scope="session")
def invented_results():
    """Makes the results of a study out of random numbers: ``invented_results(methods, tasks, seeds)``.

    ``grid`` and ``oracle`` have searches of three candidates, the second of which diverged in the second
    repeat; all others have one run. ``none`` never reaches its flood level, as it has none.
    """

    def make(
        methods=("none", "grid", "tracking", "oracle"), tasks=("wine, 20 % noise", "a|b_c & d"), seeds=4
    ):
        study = Study(
            name="invented",
            seeds=seeds,
            methods=methods,
            tasks=tuple(
                StudyTask(name=name, data="wine", label_noise=0.2, hidden=(16, 8), epochs=12)
                for name in tasks
            ),
        )
        keys = [(task, method) for task in tasks for method in methods]
        rng = np.random.default_rng(5)
        return Results(
            study,
            [_Invented(method, method == "oracle") for method in methods],
            {key: _invented_record(rng, key[1], methods.index(key[1]), seeds) for key in keys},
            {key: list(range(seeds)) for key in keys},
            {key: _invented_diagnosis(rng, key[1]) for key in keys if key[1] != "oracle"},
            [],
            {key: 1.5 for key in keys},
        )

    return make


def _invented_record(rng, method, place, seeds):
    searched = method in ("grid", "oracle")
    count = 3 * seeds if searched else seeds
    epochs = np.arange(1, 13)
    base = 0.7 + 0.1 * (place % 3)
    curves = {
        "levels": np.full((count, 12), 0.0 if method == "none" else 0.1) * rng.uniform(0.5, 1.5, (count, 1)),
        "train_loss": np.exp(-epochs / 3) + rng.uniform(0, 0.02, (count, 12)),
        "train_acc": np.clip(0.6 + epochs / 30 + rng.normal(0, 0.02, (count, 12)), 0, 1),
        "val_loss": 0.3 + np.exp(-epochs / 5) + rng.uniform(0, 0.05, (count, 12)),
        "val_acc": np.clip(base + rng.normal(0, 0.03, (count, 12)), 0, 1),
    }
    tests = {
        name: np.clip(base - (0.1 if "noisy" in name else 0) + rng.normal(0, 0.03, count), 0, 1)
        for name in sorted(TEST_SCORES, key=lambda name: "average" in name)
    }
    curves |= {
        "average_val_loss": 0.25 + np.exp(-epochs / 5) + rng.uniform(0, 0.05, (count, 12)),
        "average_val_acc": np.clip(base + rng.normal(0, 0.03, (count, 12)), 0, 1),
    }
    if not searched:
        return Record(method=method, **curves, **tests, epochs_spent=np.full(seeds, 12.0))
    for name in ("train_loss", "val_loss", "average_val_loss"):
        curves[name][4 : 5 if seeds > 1 else 4, 6:] = np.nan
    values = np.tile([0.0, 0.25, 0.5], (seeds, 1))
    return picked_record(method, Runs(**curves, **tests), values, anytime=method == "grid")


def _invented_diagnosis(rng, method):
    epochs = np.array([1, 2, 4, 8, 12])
    falling = {name: np.exp(-epochs / 4) + rng.uniform(0, 0.1, (2, 5)) for name in ("train_loss", "val_loss")}
    rising = {
        name: 0.6 + epochs / 40 + rng.uniform(0, 0.05, (2, 5)) for name in ("train_acc", "noisy_test_acc")
    }
    alphas = np.linspace(-1, 1, 9)
    valley = {
        f"perturbed_{split}_loss": 0.1 + alphas**2 * rng.uniform(1, 3, (2, 2, 1))
        for split in ("train", "noisy_test")
    }
    if method == "none":
        for losses in valley.values():
            losses[0] = np.nan
    return Diagnosis(
        epochs=epochs,
        **falling,
        **rising,
        noisy_test_loss=0.4 + np.abs(np.log(epochs) - rng.uniform(0, 3)) / 4 + rng.uniform(0, 0.05, (2, 5)),
        test_acc=rising["noisy_test_acc"] + 0.05,
        gradient_norm=np.exp(-epochs / 5) * rng.uniform(0.5, 2, (2, 5)),
        alphas=alphas,
        networks=("below level", "end"),
        **valley,
        reached=np.array([-1, -1] if method == "none" else [3, 4]),
    )
