"""The tour: a controller trained from nothing, rolled out on real data that it never saw."""

from collections.abc import Iterator

from rlflood import data
from rlflood.experiments.methods import MethodOptions
from rlflood.training import Task

METHODS = ("none", "grid", "adaptive", "tracking")
"""What the controller is put beside."""

OPTIONS = MethodOptions(runs=6)
"""A coarse grid (0, 0.1 ... 0.5), for the time that the tour may take."""

REPEATS = 10

_NETWORK = {"hidden": (100, 100, 100), "epochs": 200, "label_noise": 0.2}
_TASKS = (
    Task(data="digits", train_size=200, val_size=200, **_NETWORK),
    Task(data="breast-cancer", train_size=150, val_size=150, **_NETWORK),
    Task(data="fashion-mnist", train_size=200, val_size=200, test_size=2000, **_NETWORK),
)


def demo_tasks() -> Iterator[Task]:
    """The tasks whose data is on this machine: 20 % label noise, small training splits."""
    available = {row.name for row in data.describe() if row.available}
    yield from (task for task in _TASKS if task.data in available)
