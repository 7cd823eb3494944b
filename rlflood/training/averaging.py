"""Networks that are kept beside the one that is trained: the best so far, and the mean of the weights.

A flooded run is a walk around its level; what is worth keeping of a walk is its mean. Weights and buffers are
averaged alike, so batch normalisation gets the mean of its running statistics.

The average is an exponential one over a given number of steps, for as long as nobody says where it begins:
an EMA (of the first steps it is the plain mean, so nothing is left of the initialisation). From where
``begin_average`` says it is the plain mean of all steps since.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.metrics import Array
from rlflood.training.copying import cloned
from rlflood.training.task import Task
from rlflood.training.trainer import Evaluation, Moment
from rlflood.weight_average import steps_of_average


def average_steps(task: Task) -> float:
    """What the exponential average of a task's runs goes back, in steps of the optimizer: 1 or more."""
    return steps_of_average(task.steps)


State = Mapping[str, Tensor]
"""Weights and buffers by name, the first axis of each the replicas'."""


class Average:
    """The mean of the weights of each replica of a stack.

    Args:
        state: The stack's weights and buffers, which the mean follows.
        replicas: How many there are.
        over: Steps of the optimizer that the exponential mean goes back, 1 or more.
        counted_on: Where steps are counted: on the weights' device for the sake of captured graphs, or on the
            processor, whose numbers can be given to fused operations.

    Attributes:
        weights: The means by name, in the shapes of ``state``.

    Raises:
        ValueError: if ``over`` is below 1.
    """

    def __init__(self, state: State, replicas: int, over: float, counted_on: torch.device) -> None:
        if not over >= 1:
            raise ValueError(f"an average is over 1 step or more: got {over}")
        self.weights = {name: value.detach().clone() for name, value in state.items()}
        self._source = dict(state)
        pairs = [(self.weights[name], value.detach()) for name, value in state.items()]
        self._means, self._sources = zip(*(p for p in pairs if p[0].is_floating_point()), strict=True)
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]
        self._over = torch.full((replicas,), float(over), device=counted_on)
        self._steps = torch.zeros(replicas, device=counted_on)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step of the optimizer, without waiting for the device."""
        self._steps += 1
        share = 1 / torch.minimum(self._steps, self._over)
        if len(share) == 1 and share.device.type == "cpu":
            torch._foreach_lerp_(self._means, self._sources, float(share))
        else:
            for mean, weight in zip(self._means, self._sources, strict=True):
                mean.lerp_(weight, share.view(-1, *[1] * (mean.dim() - 1)))
        for counter, count in self._counters:
            counter.copy_(count)

    def begin(self, which: NDArray[np.bool_]) -> None:
        """Let the means of some replicas begin with the next step, and be plain from then on."""
        copy_rows(self._source, self.weights, which)  # a mean that is no number would stay none
        rows = torch.tensor(which, device=self._steps.device)
        self._steps.masked_fill_(rows, 0)
        self._over.masked_fill_(rows, torch.inf)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all of it."""
        return {"weights": cloned(self.weights), "over": self._over.clone(), "steps": self._steps.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`; tensors stay in their places."""
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)
        self._over.copy_(state["over"])
        self._steps.copy_(state["steps"])


class Best:
    """The weights of each replica at its best validation accuracy; ties go to the lower validation loss.

    Args:
        state: The weights and buffers to keep copies of.
        replicas: How many replicas there are.

    Attributes:
        weights: The copies; at first what ``state`` was when this was made.
        known: Whether a replica has had a finite validation loss, shape ``(replicas,)``.
    """

    def __init__(self, state: State, replicas: int) -> None:
        self._source = state
        self.weights = {name: value.detach().clone() for name, value in state.items()}
        self._accuracy = np.full(replicas, -np.inf)
        self._loss = np.full(replicas, np.inf)

    @property
    def known(self) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = np.isfinite(self._loss)
        return known

    @torch.no_grad()
    def keep(self, accuracy: Array, loss: Array) -> None:
        """Copy the weights of the replicas that are better than ever: arrays of shape ``(replicas,)``."""
        # a network that has diverged predicts something too: its accuracy must not win
        better = np.isfinite(loss) & (
            (accuracy > self._accuracy) | ((accuracy == self._accuracy) & (loss < self._loss))
        )
        if not better.any():
            return
        self._accuracy = np.where(better, accuracy, self._accuracy)
        self._loss = np.where(better, loss, self._loss)
        copy_rows(self._source, self.weights, better)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all of it."""
        scores = {"accuracy": self._accuracy, "loss": self._loss}
        return {
            "weights": cloned(self.weights),
            **{name: torch.from_numpy(values.copy()) for name, values in scores.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)
        self._accuracy, self._loss = (state[name].cpu().numpy().copy() for name in ("accuracy", "loss"))


class Kept:
    """What a trainer keeps beside the network that it trains.

    Args:
        state: The network's weights and buffers, the first axis of each the replicas'.
        replicas: How many there are.
        best: Keep the best weights, and the best average.
        average: Keep an average, exponential over so many steps; None keeps none.
        counted_on: See :class:`Average`.
    """

    def __init__(
        self,
        state: State,
        replicas: int,
        *,
        best: bool,
        average: float | None,
        counted_on: torch.device,
    ) -> None:
        self._source = dict(state)
        self._best = Best(state, replicas) if best else None
        self._average = None if average is None else Average(state, replicas, average, counted_on)
        self._best_average: Best | None = None
        if self._best is not None and self._average is not None:
            self._best_average = Best(self._average.weights, replicas)

    @property
    def validates_average(self) -> bool:
        """Whether the average has to be evaluated each epoch."""
        return self._best_average is not None

    def weights(self, moment: Moment) -> dict[str, Tensor] | None:
        """The weights and buffers of one of the four networks; None for the one that is trained.

        Raises:
            ValueError: if it is not kept.
        """
        if moment == "last":
            return None
        kept = self._parts()
        if moment not in kept:
            wanted = {"best": "keep_best=True", "average": "average=...", "best-average": "both"}[moment]
            raise ValueError(f"there is no {moment} network: make the trainer with {wanted}")
        return kept[moment].weights

    def update(self) -> None:
        """Take in a step of the optimizer."""
        if self._average is not None:
            self._average.update()

    def keep(self, last: Evaluation, average: Evaluation | None) -> None:
        """Take in the validation of an epoch."""
        if self._best is not None:
            self._best.keep(last.accuracy, last.loss)
        if self._best_average is not None and average is not None:
            self._best_average.keep(average.accuracy, average.loss)

    def begin_average(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`rlflood.training.Trainer.begin_average`; nothing to do where no average is kept."""
        if self._average is not None:
            self._average.begin(which)

    def return_to_best(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """See :meth:`rlflood.training.Trainer.return_to_best`; which of them have returned."""
        if self._best is None:
            raise ValueError("there are no best weights: make the trainer with keep_best=True")
        back: NDArray[np.bool_] = which & self._best.known
        copy_rows(self._best.weights, self._source, back)
        return back

    def state_dict(self) -> dict[str, Any]:
        """Copies of all of it."""
        return {moment: kept.state_dict() for moment, kept in self._parts().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`; tensors stay in their places."""
        for moment, kept in self._parts().items():
            kept.load_state_dict(state[moment])

    def _parts(self) -> dict[Moment, Average | Best]:
        """What is kept, by the network that it is."""
        parts: dict[Moment, Average | Best | None] = {
            "best": self._best, "average": self._average, "best-average": self._best_average,
        }  # fmt: skip
        return {moment: kept for moment, kept in parts.items() if kept is not None}


@torch.no_grad()
def copy_rows(source: State, target: State, which: NDArray[np.bool_]) -> None:
    """Copy the weights and buffers of some replicas."""
    numbers = torch.from_numpy(np.flatnonzero(which))
    for name, value in source.items():
        rows = numbers.to(value.device)
        target[name][rows] = value[rows]
