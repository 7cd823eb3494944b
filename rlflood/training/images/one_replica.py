"""One network as objectives and criteria see it: with a first axis of one replica."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rlflood.strengths import CriterionName
from rlflood.training.criteria import Criterion, make_criterion
from rlflood.training.criteria.base import Forward
from rlflood.training.objectives import Batch, Replicas

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Given logits ``(samples, classes)`` and labels ``(samples,)``, the loss of each sample."""


class OneReplica(Replicas):
    """A network whose inputs and logits have the axis of one replica.

    Args:
        network: Gives logits ``(samples, classes)``.
        classes: How many there are.
    """

    replicas = 1

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network, self._classes = network, classes

    @property
    def own_classes(self) -> Tensor:
        """All of them."""
        device = next(self.parameters()).device
        return torch.ones(1, 1, self._classes, dtype=torch.bool, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(1, samples, classes)`` of ``x``, ``(1, samples, ...)``."""
        logits: Tensor = self.network(x[0])
        return logits[None]


class OwnLoss(Criterion):
    """A function of one network's logits as a criterion.

    Args:
        loss: The function; the cross-entropy if not given.
        device: Where the network is.
    """

    def __init__(self, loss: Loss | None, device: torch.device) -> None:
        super().__init__(1, device)
        self._loss = loss

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The function's."""
        return (self._loss or sample_cross_entropies)(logits[0], labels[0])[None]

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """See :meth:`Criterion.batch`."""
        logits = forward(x)
        plain = None
        if self._loss is not None:
            plain = sample_cross_entropies(logits.detach()[0], labels[0])[None]
        return Batch(x, logits, labels, self.losses(logits, labels), samples, epoch, plain)


def sample_cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each sample in nats, shape ``(samples,)``."""
    return F.cross_entropy(logits, labels, reduction="none")


def criterion_of(
    given: CriterionName | Loss, replica: OneReplica, *, samples: int | None, seed: int
) -> Criterion:
    """A named criterion, or a function as one; see :func:`rlflood.training.criteria.make_criterion`."""
    if not isinstance(given, str) or given == "cross-entropy":
        return OwnLoss(None if isinstance(given, str) else given, replica.own_classes.device)
    return make_criterion(
        given, network=replica.network, own_classes=replica.own_classes, samples=samples, seeds=[seed]
    )
