"""Small problems on which environments are tried."""

import numpy as np
import pytest

from rlflood.data import Splits
from rlflood.training import Task

SMALL = Task(
    hidden=(8,), train_size=20, val_size=20, test_size=30, label_noise=0.1, epochs=6, learning_rate=0.02
)


class Choice:
    """Tasks drawn with equal probability."""

    def __init__(self, *tasks: Task) -> None:
        self.tasks = tasks

    def draw(self, rng: np.random.Generator) -> Task:
        return self.tasks[rng.integers(len(self.tasks))]


@pytest.fixture
def small() -> Task:
    return SMALL


@pytest.fixture
def same_shape() -> Choice:
    """Problems with 10, 2 and 4 features and 2, 2 and 5 classes: one stack."""
    problems = (
        {"data": "two-gaussians"},
        {"data": "sinusoid"},
        {"data": "blobs", "data_options": {"classes": 5, "dimensions": 4}},
    )
    return Choice(*(SMALL.model_copy(update=problem) for problem in problems))


@pytest.fixture
def other_shapes() -> Choice:
    """Problems that cannot be stacked: other lengths of run, widths and optimizers."""
    changes = ({}, {"epochs": 4}, {"epochs": 8, "hidden": (5, 4)}, {"optimizer": "sgd", "batch_size": 8})
    return Choice(*(SMALL.model_copy(update=change) for change in changes))


@pytest.fixture
def sometimes_diverging(monkeypatch) -> Choice:
    """Every other task has infinite training inputs: its loss is not a number from the first epoch."""
    original = Task.split

    def split(task: Task, seed: int) -> Splits:
        splits = original(task, seed)
        if task.label_noise == 0.3:
            splits.train.x.fill(np.inf)
        return splits

    monkeypatch.setattr(Task, "split", split)
    return Choice(SMALL, SMALL.model_copy(update={"label_noise": 0.3}))
