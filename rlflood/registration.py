"""The ids under which Gymnasium makes the environments."""

from importlib.util import find_spec
from typing import Any

from rlflood.protocols import PROTOCOLS

_SEED_PROBLEM: dict[str, Any] = {"hidden": (500,) * 5, "epochs": 500, "label_noise": 0.1}
"""The seeds' setting at high noise: 100 training and validation points, five layers of 500, 500 epochs."""

_REAL: dict[str, Any] = {
    "label_noise": 0.2,
    "epochs": 200,
    "levels": "relative",
    "observation": "extended",
    "decisions": 20,
}

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "rlflood/TwoGaussians-v0": {"data": "two-gaussians", **_SEED_PROBLEM},
    "rlflood/Sinusoid-v0": {"data": "sinusoid", **_SEED_PROBLEM},
    "rlflood/Spiral-v0": {"data": "spiral", **_SEED_PROBLEM},
    "rlflood/Mixture-v0": {
        "data": "mixture",
        "epochs": 200,
        "levels": "relative",
        "observation": "extended",
        "reward": "final",
        "decisions": 20,
    },
    "rlflood/Digits-v0": {"data": "digits", "train_size": 200, "val_size": 200, **_REAL},
    "rlflood/BreastCancer-v0": {"data": "breast-cancer", "train_size": 150, "val_size": 100, **_REAL},
    "rlflood/Wine-v0": {"data": "wine", "train_size": 60, "val_size": 60, **_REAL},
    "rlflood/FashionMNIST-v0": {
        "data": "fashion-mnist",
        "train_size": 500,
        "val_size": 500,
        "test_size": 2000,
        **_REAL,
    },
    **{
        f"rlflood/{name}-v0": {"levels": "cifar10", **PROTOCOLS[protocol]}
        for name, protocol in {
            "MNIST": "mnist",
            "KuzushijiMNIST": "kuzushiji-mnist",
            "SVHN": "svhn",
            "CIFAR10": "cifar10",
            "CIFAR10Augmented": "cifar10-augmented",
            "CIFAR100": "cifar100",
            "CIFAR100Augmented": "cifar100-augmented",
        }.items()
    },
}
"""Each id with the keywords of its environment; any can be changed in ``gymnasium.make``."""


def register_environments() -> None:
    """Tell Gymnasium of the ids, where it is installed; done once, by ``import rlflood``."""
    if find_spec("gymnasium") is None:  # who steers a loop of one's own needs none
        return
    from gymnasium.envs.registration import register

    for name, keywords in ENVIRONMENTS.items():
        register(
            id=name,
            entry_point="rlflood.envs:FloodEnv",
            vector_entry_point="rlflood.envs:FloodVectorEnv",
            kwargs=keywords,
        )
