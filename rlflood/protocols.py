"""The image problems of Ishida et al. (ICML 2020), as fields of a :class:`~rlflood.training.Task`.

A fifth of the official training part is for validation. SGD with momentum 0.9, mini-batches of 128, 500
epochs; where images are augmented the learning rate falls by ten after epochs 250 and 400. What the seed
documents don't settle, the width of the multilayer perceptrons and the learning rate, is 1,000 units and 0.1.
"""

from typing import Any

_SGD: dict[str, Any] = {
    "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "batch_size": 128, "epochs": 500,
}  # fmt: skip
_MLP: dict[str, Any] = {"hidden": (1000, 1000), "train_size": 48_000, "val_size": 12_000, **_SGD}
_CIFAR: dict[str, Any] = {"network": "resnet44", "train_size": 40_000, "val_size": 10_000, **_SGD}
_AUGMENTED: dict[str, Any] = {"augmentation": "crop-flip", "lr_milestones": (0.5, 0.8)}

PROTOCOLS: dict[str, dict[str, Any]] = {
    "mnist": {"data": "mnist", **_MLP},
    "kuzushiji-mnist": {"data": "kuzushiji-mnist", **_MLP},
    "fashion-mnist": {"data": "fashion-mnist", **_MLP},
    "svhn": {"data": "svhn", "network": "resnet18", "train_size": 58_606, "val_size": 14_651, **_SGD},
    "cifar10": {"data": "cifar10", **_CIFAR},
    "cifar10-augmented": {"data": "cifar10", **_CIFAR, **_AUGMENTED},
    "cifar100": {"data": "cifar100", **_CIFAR},
    "cifar100-augmented": {"data": "cifar100", **_CIFAR, **_AUGMENTED},
}
"""By name, for ``rlflood rollout --protocol NAME`` and the environments of these problems."""

IMAGE_NETWORK = {**_SGD, **_AUGMENTED}
"""How a network for images is trained where nothing else is said."""
