"""The tour: controllers rolled out on real data that they never saw, as a study that stays in its folder."""

from rlflood import data
from rlflood.experiments.study.file import Study, resolved

METHODS = ("default", "none", "early-stopping", "tracking", "grid")
"""The controller that is shown before one is trained, and what both are put beside."""

REPEATS = 10
RUNS = 6
"""A coarse grid (0, 0.1 ... 0.5), for the time that the tour may take."""

# small training splits of which one label in five is wrong
_TASK = {"hidden": [100, 100, 100], "epochs": 200, "label_noise": 0.2}
_SIZES = {
    "digits": {"train_size": 200, "val_size": 200},
    "breast-cancer": {"train_size": 150, "val_size": 150},
    "fashion-mnist": {"train_size": 200, "val_size": 200, "test_size": 2000},
}


def demo_study(seed: int, *own: str) -> Study:
    """Controllers beside other methods, on those of the tour's data sets that are on this machine.

    Args:
        seed: Where the repeats' seeds come from.
        own: Files of one's own controllers.

    Raises:
        InputError: if ``seed`` is not usable.
    """
    here = {row.name for row in data.describe() if row.available}
    first, *others = METHODS
    return resolved(
        {
            "name": "demo",
            "seeds": REPEATS,
            "seed": seed,
            "methods": [first, *own, *others],
            "runs": RUNS,
            "diagnosed_seeds": 0,
            "tasks": [
                {"name": name, "data": name, **_TASK, **_SIZES[name]} for name in _SIZES if name in here
            ],
        },
        "the tour",
    )
