"""What a method leaves behind: the run of each repeat, and what it cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.columns import Columns
from rlflood.experiments.runs.environment import versions
from rlflood.experiments.runs.setting import Setting
from rlflood.metrics import Array
from rlflood.training import Machine
from rlflood.training.trainer import MOMENTS, Moment

FORMAT = "rlflood-comparison/3"

ViewMoment: TypeAlias = Moment | Literal["deployed"]
"""Which network of a run a figure is of: one of the four, or the one that the method's user would deploy."""


def of_moment(kind: str, moment: Moment) -> str:
    """The field of runs, records and searches that holds something of one of the four networks."""
    return f"{kind}_{moment.replace('-', '_')}"


def score_field(moment: Moment, *, noisy: bool) -> str:
    """The field that holds a network's test accuracy, against labels with the task's noise or clean ones."""
    return of_moment("noisy_test_acc" if noisy else "test_acc", moment)


TEST_SCORES = tuple(score_field(moment, noisy=noisy) for noisy in (False, True) for moment in MOMENTS)
"""The fields of runs, records and searches that come from the test split."""


@dataclass(frozen=True, eq=False, slots=True)
class Search(Columns):
    """The candidates of a method that trains several runs and picks one by validation.

    Arrays have shape ``(repeats, candidates)``, in the order in which the candidates were trained. A
    candidate that was stopped before its last epoch, that diverged, or that a repeat does not have (another
    repeat had more), has NaN for its accuracies and is never picked.

    What ends in ``last``, ``best``, ``average`` or ``best_average`` is of that network of each candidate: see
    ``Moment``.

    Attributes:
        knob: What was searched for: ``level``, ``weight decay`` ...
        anytime: Whether the order means something: the search could have ended after any candidate.
        values: The knob's setting of each candidate.
        epochs: Training epochs spent on each.
        picked_last: Number of the candidate picked by the validation accuracy of that network, and so on:
            shape ``(repeats,)``.
        val_acc_last: Validation accuracy, and so on.
        val_loss_last: Validation loss there, by which ties in accuracy are decided, and so on.
        test_acc_last: Test accuracy, against clean labels, and so on.
        noisy_test_acc_last: The same against labels with the task's noise, and so on.
    """

    knob: str
    anytime: bool
    values: Array
    epochs: Array
    picked_last: NDArray[np.int64]
    picked_best: NDArray[np.int64]
    picked_average: NDArray[np.int64]
    picked_best_average: NDArray[np.int64]
    val_acc_last: Array
    val_acc_best: Array
    val_acc_average: Array
    val_acc_best_average: Array
    val_loss_last: Array
    val_loss_best: Array
    val_loss_average: Array
    val_loss_best_average: Array
    test_acc_last: Array
    test_acc_best: Array
    test_acc_average: Array
    test_acc_best_average: Array
    noisy_test_acc_last: Array
    noisy_test_acc_best: Array
    noisy_test_acc_average: Array
    noisy_test_acc_best_average: Array

    def picked(self, moment: Moment) -> NDArray[np.int64]:
        """Number of the candidate picked for one of the four networks, shape ``(repeats,)``."""
        number: NDArray[np.int64] = getattr(self, of_moment("picked", moment))
        return number

    def picked_value(self, moment: Moment) -> Array:
        """Its value, shape ``(repeats,)``."""
        number = self.picked(moment)
        values: Array = self.values[np.arange(len(number)), number]
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
    1; test accuracies have shape ``(runs,)``, one for each of a run's four networks
    (``Moment``).

    Attributes:
        levels: The flood level at which each epoch was trained.
        train_loss: Mean over the epoch's mini-batches, and so on for the other metrics.
        average_val_loss: Validation loss of the averaged network after each epoch.
        average_val_acc: Its validation accuracy.
        test_acc_last: Against clean labels, of the network after the last epoch, and so on.
        noisy_test_acc_last: The same against labels with the task's noise, and so on.
    """

    levels: Array
    train_loss: Array
    train_acc: Array
    val_loss: Array
    val_acc: Array
    average_val_loss: Array
    average_val_acc: Array
    test_acc_last: Array
    test_acc_best: Array
    test_acc_average: Array
    test_acc_best_average: Array
    noisy_test_acc_last: Array
    noisy_test_acc_best: Array
    noisy_test_acc_average: Array
    noisy_test_acc_best_average: Array

    def as_record(
        self, method: str, epochs_spent: Array, *, deployed: Moment = "last", search: Search | None = None
    ) -> "Record":
        """These runs as a method's, one a repeat; see :class:`Record`."""
        own = {field.name: getattr(self, field.name) for field in fields(Runs)}
        return Record(**own, method=method, epochs_spent=epochs_spent, deployed=deployed, search=search)


@dataclass(frozen=True, eq=False, slots=True)
class Record(Runs):
    """Everything of one method on one task: the run of each repeat.

    The curves of a search are those of the run that it picked for the network that is deployed.

    Attributes:
        method: The method's name.
        epochs_spent: Training epochs over all runs of the method, shape ``(repeats,)``.
        deployed: Which of the four networks the method's user would deploy.
        search: What was searched through; None for a method of one run.
    """

    method: str
    epochs_spent: Array
    deployed: Moment = "last"
    search: Search | None = None

    def __post_init__(self) -> None:
        curves = (self.train_loss, self.val_loss, self.average_val_loss)
        if any(curve.shape != self.levels.shape for curve in curves):
            raise ValueError("the curves of a record have one shape, (repeats, epochs)")
        if not self.test_acc_last.shape == self.epochs_spent.shape == self.levels.shape[:1]:
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

    def moment(self, shown: ViewMoment) -> Moment:
        """Which of the four networks a figure is of."""
        return self.deployed if shown == "deployed" else shown

    def test_accuracy(self, shown: ViewMoment, *, noisy: bool = False) -> Array:
        """The test accuracy of each repeat, from 0 to 1: shape ``(repeats,)``."""
        accuracy: Array = getattr(self, score_field(self.moment(shown), noisy=noisy))
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
