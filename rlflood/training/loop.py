"""The one loop over epochs: whatever trains under a schedule goes through it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Array, Metrics, Values
from rlflood.training.trainer import Evaluation, Trainer


class Steering(Protocol):
    """What sets the levels of a run; every :class:`~rlflood.schedulers.FloodScheduler` does."""

    @property
    def level(self) -> Values:
        """The level of the next epoch, in nats: a number, or shape ``(replicas,)``."""
        ...

    @property
    def strength(self) -> Values | None:
        """The strength of the criterion in the next epoch, likewise; None is the task's own."""
        ...

    @property
    def returns(self) -> NDArray[np.bool_] | bool:
        """Whether the best weights are put back before the next epoch, for all or for each replica."""
        ...

    @property
    def begins(self) -> NDArray[np.bool_] | bool:
        """Whether the average of the weights begins with the next epoch, likewise."""
        ...

    def step(self, metrics: Metrics, /) -> object:
        """Take in the metrics of the epoch that was trained at :attr:`level`."""
        ...


class GivenLevels:
    """Levels that whoever runs the loop sets, between its epochs.

    Attributes:
        level: That of the next epoch, in nats: a number, or shape ``(replicas,)``.
        strength: Of the criterion in the next epoch, likewise; None is the task's own.
        returns: Whether the best weights are put back before the next epoch.
        begins: Whether the average of the weights begins with the next epoch.
    """

    def __init__(self, level: Values = 0.0) -> None:
        self.level = level
        self.strength: Values | None = None
        self.returns: NDArray[np.bool_] | bool = False
        self.begins: NDArray[np.bool_] | bool = False

    def step(self, metrics: Metrics, /) -> None:
        """The metrics change nothing."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that has been trained.

    Attributes:
        number: Counted from 1.
        levels: What it was trained at, in nats, shape ``(replicas,)``.
        metrics: Of each replica.
        average: Of each replica's average on the validation split; None where it is not evaluated.
    """

    number: int
    levels: Array
    metrics: Metrics
    average: Evaluation | None = None


def run(trainer: Trainer, steering: Steering, *, epochs: int) -> Iterator[Epoch]:
    """Train until a trainer has seen so many epochs, one epoch each time that the next one is asked for.

    Each epoch is trained at the present level and then reported, before it is given. A loop that is left
    early leaves the trainer after the epoch that was given last::

        for epoch in run(trainer, scheduler, epochs=task.epochs):
            print(epoch.number, epoch.metrics.val_acc)

    Args:
        trainer: What is trained; it may have seen some of the epochs already.
        steering: Sets the levels, and is told what came of them.
        epochs: Of the whole run.
    """
    while trainer.epoch < epochs:
        if np.any(steering.returns):
            trainer.return_to_best(np.broadcast_to(steering.returns, trainer.replicas))
        if np.any(steering.begins):
            trainer.begin_average(np.broadcast_to(steering.begins, trainer.replicas))
        levels = np.array(np.broadcast_to(steering.level, trainer.replicas), np.float64)
        metrics = trainer.run_epoch(levels, steering.strength)
        steering.step(metrics)
        yield Epoch(trainer.epoch, levels, metrics, trainer.average_validation)
