"""What a method leaves behind: the run of each repeat, and what it cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.columns import Columns
from rlflood.experiments.runs.environment import versions
from rlflood.experiments.runs.setting import Setting
from rlflood.metrics import Array
from rlflood.training import Machine
from rlflood.training.trainer import Moment

FORMAT = "rlflood-comparison/2"
TEST_SCORES = ("test_acc_final", "test_acc_best", "noisy_test_acc_final", "noisy_test_acc_best")
"""The fields of runs, records and searches that come from the test split."""


@dataclass(frozen=True, eq=False, slots=True)
class Search(Columns):
    """The candidates of a method that trains several runs and picks one by validation.

    Arrays have shape ``(repeats, candidates)``, in the order in which the candidates were trained. A
    candidate that was stopped before its last epoch, that diverged, or that a repeat does not have (another
    repeat had more), has NaN for its accuracies and is never picked.

    Attributes:
        knob: What was searched for: ``level``, ``weight decay`` ...
        anytime: Whether the order means something: the search could have ended after any candidate.
        final: Number of the candidate picked by its final validation accuracy, shape ``(repeats,)``.
        best: Number of the candidate picked by its best validation accuracy, shape ``(repeats,)``.
        values: The knob's setting of each candidate.
        epochs: Training epochs spent on each.
        val_acc_final: Validation accuracy after the last epoch.
        val_loss_final: Validation loss there; ties in accuracy go to the lower loss.
        val_acc_best: Best validation accuracy of all epochs.
        val_loss_best: Lowest validation loss among the epochs of that accuracy.
        test_acc_final: Test accuracy after the last epoch, against clean labels.
        test_acc_best: The same at the best validation accuracy.
        noisy_test_acc_final: As ``test_acc_final``, against labels with the task's noise.
        noisy_test_acc_best: As ``test_acc_best``, against labels with the task's noise.
    """

    knob: str
    anytime: bool
    final: NDArray[np.int64]
    best: NDArray[np.int64]
    values: Array
    epochs: Array
    val_acc_final: Array
    val_loss_final: Array
    val_acc_best: Array
    val_loss_best: Array
    test_acc_final: Array
    test_acc_best: Array
    noisy_test_acc_final: Array
    noisy_test_acc_best: Array

    @property
    def picked(self) -> Array:
        """The value of the candidate picked by its final validation accuracy, shape ``(repeats,)``."""
        values: Array = self.values[np.arange(len(self.final)), self.final]
        return values

    @classmethod
    def concat(cls, parts: Sequence["Search"]) -> "Search":
        """The repeats of all parts; one with fewer candidates than others has nothing in the places left."""
        widest = max(part.values.shape[1] for part in parts)

        def padded(part: Search) -> Search:
            left = ((0, 0), (0, widest - part.values.shape[1]))

            def widened(values: NDArray[Any]) -> NDArray[Any]:
                return np.pad(values, left, constant_values=np.nan) if values.ndim == 2 else values

            return replace(part.map(widened), epochs=np.pad(part.epochs, left))

        return super(Search, cls).concat([padded(part) for part in parts])


@dataclass(frozen=True, eq=False, slots=True)
class Runs(Columns):
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

    def as_record(self, method: str, epochs_spent: Array, search: Search | None = None) -> "Record":
        """These runs as a method's, one a repeat; see :class:`Record`."""
        own = {field.name: getattr(self, field.name) for field in fields(Runs)}
        return Record(**own, method=method, epochs_spent=epochs_spent, search=search)


@dataclass(frozen=True, eq=False, slots=True)
class Record(Runs):
    """Everything of one method on one task: the run of each repeat.

    The curves of a search are those of the run that it picked by final validation accuracy.

    Attributes:
        method: The method's name.
        epochs_spent: Training epochs over all runs of the method, shape ``(repeats,)``.
        search: What was searched through; None for a method of one run.
    """

    method: str
    epochs_spent: Array
    search: Search | None = None

    def __post_init__(self) -> None:
        if any(curve.shape != self.levels.shape for curve in (self.train_loss, self.val_loss)):
            raise ValueError("the curves of a record have one shape, (repeats, epochs)")
        if not self.test_acc_final.shape == self.epochs_spent.shape == self.levels.shape[:1]:
            raise ValueError("a record has one test accuracy and one budget a repeat")

    @property
    def runs(self) -> Runs:
        """The runs alone."""
        return Runs(**{field.name: getattr(self, field.name) for field in fields(Runs)})

    @property
    def repeats(self) -> int:
        """How often the method ran."""
        return len(self.levels)

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Whether the run of each repeat ended with a loss that is not finite: shape ``(repeats,)``.

        Its accuracies stay what they are: after the last epoch that of a network that guesses.
        """
        return ended_without_a_loss(self.train_loss, self.val_loss)

    def test_accuracy(self, moment: Moment, *, noisy: bool = False) -> Array:
        """The test accuracy of each repeat, from 0 to 1: shape ``(repeats,)``."""
        accuracy: Array = getattr(self, f"{'noisy_' if noisy else ''}test_acc_{moment}")
        return accuracy

    @classmethod
    def concat(cls, parts: Sequence["Record"]) -> "Record":
        """The repeats of several records of one method on one task, in the order given.

        Raises:
            ValueError: if they are of different methods, or some are searches and others are not.
        """
        if len({(part.method, part.search is None) for part in parts}) > 1:
            raise ValueError("only records of one method can be joined")
        return super(Record, cls).concat(parts)


def ended_without_a_loss(train_loss: Array, val_loss: Array) -> NDArray[np.bool_]:
    """Which runs have diverged by their curves, shape ``(runs, epochs)``: one truth value a run."""
    finite: NDArray[np.bool_] = np.isfinite(train_loss[:, -1]) & np.isfinite(val_loss[:, -1])
    return ~finite


def comparison_json(setting: Setting, records: Sequence[Record], machine: Machine = Machine()) -> str:
    """The records with their task, seeds and versions as JSON; numbers that are not finite become null.

    Each record has ``diverged`` besides its fields: one truth value a repeat.
    """
    content = {
        "format": FORMAT,
        "task": setting.task.model_dump(mode="json"),
        "data_seeds": setting.data_seeds,
        "network_seeds": setting.network_seeds,
        "device": machine.device,
        "precision": machine.precision,
        "versions": versions(),
        "records": [{**_plain(record), "diverged": record.diverged} for record in records],
    }
    return json.dumps(_plain(content), allow_nan=False) + "\n"


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
