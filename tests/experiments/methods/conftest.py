"""A problem whose best flood level is known: for every method that looks for one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rlflood.experiments import Setting
from rlflood.metrics import Array
from rlflood.training import PopulationTrainer, Task


@dataclass(frozen=True, eq=False)
class KnownBest:
    """A task, and what constant levels make of it.

    file: the data, a .npz.
    task: learned from the file.
    setting: three repeats of the task, with different best levels.
    highest: the top of the range of levels, in nats.
    spacing: of a grid of 11 levels over that range.
    levels: the sweep, shape (levels,).
    val_acc: validation accuracy after the last epoch, shape (repeats, levels).
    best: the level with the highest, shape (repeats,).
    """

    file: Path
    task: Task
    setting: Setting
    highest: float
    spacing: float
    levels: Array
    val_acc: Array
    best: Array


@pytest.fixture(scope="session")
def known_best(tmp_path_factory) -> KnownBest:
    """Few samples, noisy labels, a rare class, and a network without a hidden layer.

    At high levels the network stops before it says anything but the frequent class; at low ones it has
    learned wrong labels from features that mean nothing. In between there is one range of good levels.
    """
    file = tmp_path_factory.mktemp("known-best") / "rare.npz"
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.2).astype(np.int64)
    x = rng.normal(size=(4000, 45))
    x[:, :5] += 1.5 * (2 * y - 1)[:, None]
    np.savez(file, x=x.astype(np.float32), y=y)
    task = Task(
        data=str(file), train_size=40, val_size=3000, test_size=500, label_noise=0.1, hidden=(),
        optimizer="sgd", learning_rate=0.01, epochs=60,
    )  # fmt: skip
    setting = Setting(task, data_seeds=(1, 4, 5), network_seeds=(1, 4, 5))

    highest, levels = 0.5, np.linspace(0.0, 0.5, 26)
    rows = []
    for data_seed, network_seed in zip(setting.data_seeds, setting.network_seeds, strict=True):
        many = len(levels)
        trainer = PopulationTrainer([task] * many, [data_seed] * many, [network_seed] * many)
        for _ in range(task.epochs):
            metrics = trainer.run_epoch(levels)
        rows.append(metrics.val_acc)
    val_acc = np.array(rows)
    best = levels[val_acc.argmax(axis=1)]
    return KnownBest(file, task, setting, highest, highest / 10, levels, val_acc, best)
