"""What a method leaves behind: the run of each repeat, and what it cost."""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import metadata
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rlflood import __version__
from rlflood.experiments.setting import Setting

FORMAT = "rlflood-comparison/1"
Array = NDArray[np.float64]
Moment = Literal["final", "best"]
"""When a network is tested: after the last epoch, or as it was at its best validation accuracy."""


@dataclass(frozen=True, eq=False, slots=True)
class Search:
    """The candidates of a method that trains several runs and picks one by validation.

    Attributes:
        levels: The level of each candidate, shape ``(candidates,)``.
        final: Number of the candidate picked by its final validation accuracy, shape ``(repeats,)``.
        best: Number of the candidate picked by its best validation accuracy, shape ``(repeats,)``.
        val_acc: Final validation accuracy of each candidate, shape ``(repeats, candidates)``.
        test_acc_final: Test accuracy of each after the last epoch, against clean labels, likewise.
        noisy_test_acc_final: The same against noisy labels.
    """

    levels: Array
    final: NDArray[np.int64]
    best: NDArray[np.int64]
    val_acc: Array
    test_acc_final: Array
    noisy_test_acc_final: Array


@dataclass(frozen=True, eq=False, slots=True)
class Runs:
    """Training runs from beginning to end.

    Levels and metrics have shape ``(runs, epochs)``, losses in nats and never flooded, accuracies from 0 to
    1; test accuracies have shape ``(runs,)``.

    Attributes:
        levels: The flood level at which each epoch was trained.
        train_loss: Mean over the epoch's mini-batches, and so on for the other metrics.
        test_acc_final: After the last epoch, against clean labels.
        test_acc_best: At the best validation accuracy, against clean labels.
        noisy_test_acc_final: After the last epoch, against labels with the task's noise.
        noisy_test_acc_best: At the best validation accuracy, against labels with the task's noise.
    """

    levels: Array
    train_loss: Array
    train_acc: Array
    val_loss: Array
    val_acc: Array
    test_acc_final: Array
    test_acc_best: Array
    noisy_test_acc_final: Array
    noisy_test_acc_best: Array


@dataclass(frozen=True, eq=False, slots=True)
class Record(Runs):
    """Everything of one method on one task: the run of each repeat.

    The curves of a search are those of the run that it picked by final validation accuracy.

    Attributes:
        method: The method's name.
        epochs_spent: Training epochs over all runs of the method, for each repeat.
        search: What was searched through; None for a method of one run.
    """

    method: str
    epochs_spent: int
    search: Search | None = None

    def __post_init__(self) -> None:
        if any(curve.shape != self.levels.shape for curve in (self.train_loss, self.val_loss)):
            raise ValueError("the curves of a record have one shape, (repeats, epochs)")
        if self.test_acc_final.shape != self.levels.shape[:1]:
            raise ValueError("a record has one test accuracy a repeat")

    def test_accuracy(self, moment: Moment, *, noisy: bool = False) -> Array:
        """The test accuracy of each repeat, from 0 to 1: shape ``(repeats,)``."""
        accuracy: Array = getattr(self, f"{'noisy_' if noisy else ''}test_acc_{moment}")
        return accuracy


def comparison_json(setting: Setting, records: Sequence[Record]) -> str:
    """The records with their task, seeds and versions as JSON; numbers that are not finite become null."""
    content = {
        "format": FORMAT,
        "task": setting.task.model_dump(mode="json"),
        "data_seeds": setting.data_seeds,
        "network_seeds": setting.network_seeds,
        "device": setting.device,
        "precision": setting.precision,
        "versions": versions(),
        "records": records,
    }
    return json.dumps(_plain(content), allow_nan=False) + "\n"


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "rlflood": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": metadata.version("scikit-learn"),
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
