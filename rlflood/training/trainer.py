"""What every trainer offers to schedulers, environments and benchmarks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.columns import Columns
from rlflood.metrics import Metrics

SplitName = Literal["train", "val", "test"]
Moment = Literal["last", "best", "average", "best-average"]
"""The four networks of a run: as it was after the last epoch and at the best validation accuracy, and the
mean of its weights (see :mod:`rlflood.training.averaging`) at the end and at that mean's own best."""
MOMENTS: tuple[Moment, ...] = get_args(Moment)


@dataclass(frozen=True, slots=True)
class Evaluation(Columns):
    """One split evaluated: arrays of shape ``(replicas,)``.

    Attributes:
        loss: Mean cross-entropy in nats against the labels as they are, noise included.
        accuracy: Accuracy against the labels as they are, noise included, from 0 to 1.
        clean_accuracy: Accuracy against the labels before noise, from 0 to 1.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    clean_accuracy: NDArray[np.float64]


def joined_losses(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Losses of samples, ``(replicas, samples)`` of each part, as one array; NaN beyond a shorter split."""
    longest = max(part.shape[1] for part in parts)
    padded = (np.pad(part, ((0, 0), (0, longest - part.shape[1])), constant_values=np.nan) for part in parts)
    return np.concatenate(list(padded))


def joined_validations(parts: Iterable[Evaluation | None]) -> Evaluation | None:
    """The evaluations of the parts of a population as one; None where they have none."""
    found = [part for part in parts if part is not None]
    return Evaluation.concat(found) if found else None


class Trainer(Protocol):
    """Trains the replicas of a task by the epoch and reports metrics."""

    @property
    def replicas(self) -> int:
        """How many networks are trained at once."""
        ...

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        ...

    @property
    def levels(self) -> NDArray[np.float64]:
        """Level of each replica in the epoch just trained, shape ``(replicas,)``."""
        ...

    @property
    def changed(self) -> NDArray[np.float64]:
        """Share of the training samples that the last epoch predicted otherwise than the one before.

        Predictions are those that each mini-batch makes before its step, under mixup those of mixed inputs.
        Shape ``(replicas,)``; NaN before the second epoch. Asking for it waits for the device.
        """
        ...

    @property
    def average_validation(self) -> Evaluation | None:
        """The averaged networks on the validation split after the last epoch; None if it is not evaluated."""
        ...

    def begin_average(self, which: NDArray[np.bool_]) -> None:
        """Let the averages of some replicas begin anew, and be plain means from here on: ``(replicas,)``."""
        ...

    def return_to_best(self, which: NDArray[np.bool_]) -> None:
        """Put the weights of the best validation accuracy so far back, and train on from them.

        Of some replicas: ``(replicas,)``. The optimizer's state stays. A replica that has no best weights yet
        stays where it is.

        Raises:
            ValueError: if no best weights are kept.
        """
        ...

    def run_epoch(
        self, levels: NDArray[np.float64] | float, strengths: NDArray[np.float64] | float | None = None
    ) -> Metrics:
        """Train one epoch, each replica flooded at its level, and evaluate the validation split.

        What a level does is the objective's affair. Metrics are the plain cross-entropy whatever the
        criterion (under mixup the train metrics are those of the mixed samples).
        A replica whose loss is no longer finite is reported by metrics that are not finite either.

        Args:
            levels: One level for all, or an array of shape ``(replicas,)``.
            strengths: Of the task's criterion, likewise; None is the task's own.

        Raises:
            InputError: if the criterion cannot have such a strength.
        """
        ...

    def evaluate(self, split: SplitName, moment: Moment = "last") -> Evaluation:
        """Evaluate a split with one of a run's four networks.

        Raises:
            ValueError: if that network is not kept.
        """
        ...

    def sample_losses(self, split: SplitName) -> NDArray[np.float64]:
        """The cross-entropy of each sample in nats, with the present weights in evaluation mode.

        Returns:
            Shape ``(replicas, samples)``, in the order of the split; NaN beyond the end of a shorter split.
        """
        ...

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """Make replica ``i`` a copy of replica ``sources[i]``, for population based training.

        Weights, buffers, averages, the optimizer's state, the objective's, and the best weights with their
        scores are copied. Data, seeds and so the batch order stay.

        Args:
            sources: Numbers of replicas, shape ``(replicas,)``.

        Raises:
            ValueError: if a source is no replica, or has other numbers of features or classes.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on: tensors, numbers and containers of them."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that a trainer of the same tasks and seeds saved."""
        ...
