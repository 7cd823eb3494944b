"""A preset that trains in a second, for each algorithm."""

from collections.abc import Callable
from typing import Any

import pytest

from rlflood.agents import Preset

TINY: dict[str, Any] = {
    "episodes": 48,
    "groups": 2,
    "group_size": 4,
    "decisions": 4,
    "policy": [8],
    "observation": "extended",
    "levels": [0.0, 0.7, 2.0],  # so far apart that they tell within a few updates
    "reward": "final",
    "tasks": {
        "base": {
            "hidden": [8],
            "epochs": 4,
            "train_size": 20,
            "val_size": 20,
            "test_size": 20,
            "batch_size": 10,
            "learning_rate": 0.1,
        }
    },
}
SMALLER: dict[str, dict[str, Any]] = {
    "ppo": {"n_epochs": 2},
    "recurrent-ppo": {"n_epochs": 2, "lstm_hidden_size": 4},
    "ars": {"n_delta": 2, "n_top": 1},
}
CONTRIBUTED = ("trpo", "recurrent-ppo", "ars")

MakePreset = Callable[..., Preset]


@pytest.fixture(scope="session")
def tiny() -> MakePreset:
    """Make a tiny preset: ``tiny(algorithm, field=value, ...)``."""

    def make(algorithm: str = "ppo", **changes: Any) -> Preset:
        if algorithm in CONTRIBUTED:
            pytest.importorskip("sb3_contrib")
        hyperparameters = {**SMALLER.get(algorithm, {}), **changes.pop("hyperparameters", {})}
        return Preset(**{**TINY, "algorithm": algorithm, "hyperparameters": hyperparameters, **changes})

    return make
