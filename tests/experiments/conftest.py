"""A small comparison that several tests look at."""

import pytest

from rlflood.experiments import Setting, compare, get_methods
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
