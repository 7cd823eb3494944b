"""What every trainer offers to schedulers, environments and benchmarks."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Metrics

SplitName = Literal["train", "val", "test"]
Checkpoint = Literal["last", "best"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One split evaluated: arrays of shape ``(replicas,)``.

    Attributes:
        loss: Mean cross-entropy in nats against the labels as they are, noise included.
        accuracy: Accuracy against the labels as they are, noise included, from 0 to 1.
        clean_accuracy: Accuracy against the labels before noise, from 0 to 1.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    clean_accuracy: NDArray[np.float64]


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

    def run_epoch(self, levels: NDArray[np.float64] | float) -> Metrics:
        """Train one epoch, each replica flooded at its level, and evaluate the validation split.

        A replica whose loss is no longer finite is reported by metrics that are not finite either.

        Args:
            levels: One level for all, or an array of shape ``(replicas,)``.
        """
        ...

    def evaluate(self, split: SplitName, checkpoint: Checkpoint = "last") -> Evaluation:
        """Evaluate a split with the present weights or with those of the best validation accuracy."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on: tensors, numbers and containers of them."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that a trainer of the same tasks and seeds saved."""
        ...
