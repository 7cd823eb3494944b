"""What is trained in place of the cross-entropy, and what every such criterion does."""

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.formulas import cross_entropies
from rlflood.training.objectives import Batch

Forward: TypeAlias = Callable[[Tensor], Tensor]
"""Inputs of every replica to their logits in float32, ``(replicas, samples, classes)``."""


class Criterion:
    """The cross-entropy, and what other criteria derive from.

    A trainer makes each of its steps so, without waiting for the device::

        batch = criterion.batch(forward, x, labels, samples, epoch)
        optimizer.zero_grad()
        objective(batch, level).sum().backward()
        criterion.after_backward()
        optimizer.step()

    Replicas must not mix, and classes that a replica does not have must change nothing: their logits are the
    lowest float.

    Args:
        replicas: How many networks are trained together.
        device: Where they are.

    Attributes:
        strength: Of each replica in this epoch, float32 of shape ``(replicas,)``; refilled, never replaced.
    """

    sample_wise: ClassVar[bool] = True
    """Whether it is a function of each sample's logits, label and strength alone: then a mini-batch may come
    in parts, on several processes, or under any objective."""
    captured: ClassVar[bool] = True
    """Whether a step does the same work on the device each time, so that a CUDA graph can replay it."""

    def __init__(self, replicas: int, device: torch.device) -> None:
        self.strength = torch.zeros(replicas, device=device)

    def begin_epoch(self, epoch: int, strengths: NDArray[np.float64]) -> None:
        """Set the strengths of an epoch, counted from 0: shape ``(replicas,)``."""
        self.strength.copy_(torch.from_numpy(strengths))

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The criterion of each sample, with graph: shape ``(replicas, samples)``."""
        return cross_entropies(logits, labels)

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """A mini-batch after its forward pass.

        Args:
            forward: The network in training.
            x: Inputs, the first two axes those of replicas and samples.
            labels: Class numbers, shape ``(replicas, samples)``.
            samples: The samples' numbers within the training split, likewise.
            epoch: The epoch, from 0.
        """
        logits = forward(x)
        return Batch(x, logits, labels, self.losses(logits, labels), samples, epoch)

    def after_backward(self) -> None:
        """Called when the objective's gradient is there, before the step that takes it."""

    def hits(self, predicted: Tensor, labels: Tensor) -> Tensor:
        """How many predictions of the last batch are right: shape ``(replicas,)``."""
        return (predicted == labels).sum(1)

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs: copies, each with one entry a replica along the first axis."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state_dict` returned."""
