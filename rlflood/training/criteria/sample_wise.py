"""Criteria that are functions of one sample's prediction: GCE, SCE, label smoothing."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.criteria.cross_entropy import cross_entropies
from rlflood.training.objectives import Batch

Formula: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Given the logits ``(replicas, samples, classes)``, the cross-entropies of the labels with graph, strengths
``(replicas, 1)`` and which classes each replica has ``(replicas, 1, classes)``, the loss of each sample."""

SCE_CROSS_ENTROPY = 0.1
"""Alpha of SCE, what the cross-entropy weighs: Wang et al., section 4, on CIFAR-10."""
SCE_LOG_ZERO = -4.0
"""A of SCE: what stands for log 0, the logarithm of a label's probability of the other classes."""


class SampleWise(Criterion):
    """One of the formulas below.

    Args:
        formula: Which.
        own_classes: Which classes each replica has: bool of shape ``(replicas, 1, classes)``.
    """

    def __init__(self, formula: Formula, own_classes: Tensor) -> None:
        super().__init__(len(own_classes), own_classes.device)
        self._formula, self._own_classes = formula, own_classes

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The formula's loss of each sample."""
        return self._formula(
            logits, cross_entropies(logits, labels), self.strength[:, None], self._own_classes
        )

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """See :meth:`Criterion.batch`."""
        logits = forward(x)
        plain = cross_entropies(logits, labels)
        losses = self._formula(logits, plain, self.strength[:, None], self._own_classes)
        return Batch(x, logits, labels, losses, samples, epoch, plain.detach())


def generalised_cross_entropy(logits: Tensor, plain: Tensor, strength: Tensor, own_classes: Tensor) -> Tensor:
    """GCE: ``(1 - p**q) / q``, with ``p`` the probability of the label and the strength as ``q``.

    Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels",
    NeurIPS 2018, equation 6; their q is 0.7. It goes to the cross-entropy as q goes to 0, and is the mean
    absolute error, halved, at 1.
    """
    # expm1 keeps the digits of a loss near 0
    return -torch.expm1(-strength * plain) / strength


def symmetric_cross_entropy(logits: Tensor, plain: Tensor, strength: Tensor, own_classes: Tensor) -> Tensor:
    """SCE: ``alpha * CE + beta * RCE``, the cross-entropy and, with the strength as beta, the reverse one.

    Wang et al., "Symmetric Cross Entropy for Robust Learning with Noisy Labels", ICCV 2019; alpha is 0.1 and
    beta 1. The reverse cross-entropy takes the logarithm of the label's distribution, in which log 0 is A:
    ``RCE = -A * (1 - p)`` with ``p`` the probability of the label.
    """
    return SCE_CROSS_ENTROPY * plain + strength * SCE_LOG_ZERO * torch.expm1(-plain)


def smoothed_cross_entropy(logits: Tensor, plain: Tensor, strength: Tensor, own_classes: Tensor) -> Tensor:
    """Label smoothing: ``(1 - r) * CE + r * mean(-log p)`` over a replica's classes, with the strength as r.

    With r above 0 that of Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, who take 0.1.
    With r below 0 the negative label smoothing of Wei et al., "To Smooth or Not? When Label Smoothing Meets
    Noisy Labels", ICML 2022, which makes predictions surer; such a loss has no lower bound. At 0 it is the
    cross-entropy, bit for bit.
    """
    logs = logits.log_softmax(-1).masked_fill(~own_classes, 0)
    return (1 - strength) * plain - strength * logs.sum(-1) / own_classes.sum(-1)
