"""The formulas of the losses that are trained: cross-entropy, GCE, SCE, label smoothing and ELR.

What trainers do with a stack of networks and :class:`~rlflood.robust_loss.RobustLoss` with one.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from rlflood.strengths import CriterionName

Formula: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Given the logits ``(replicas, samples, classes)``, the cross-entropies of the labels with graph, strengths
``(replicas, 1)`` and which classes each replica has ``(replicas, 1, classes)``, the loss of each sample."""

SCE_CROSS_ENTROPY = 0.1
"""Alpha of SCE, what the cross-entropy weighs: Wang et al., section 4, on CIFAR-10."""
SCE_LOG_ZERO = -4.0
"""A of SCE: what stands for log 0, the logarithm of a label's probability of the other classes."""
ELR_MEMORY = 0.7
"""Weight of a target's past in each epoch: Liu et al. on CIFAR-10 with symmetric noise."""
_ELR_LEAST = 1e-4  # what their code clamps probabilities by, to keep the logarithm finite


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample in nats, which levels are compared with and metrics are made of.

    Args:
        logits: float32 of shape ``(replicas, samples, classes)``.
        labels: Class numbers of shape ``(replicas, samples)``.

    Returns:
        Shape ``(replicas, samples)``.
    """
    return F.cross_entropy(logits.mT, labels, reduction="none")


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


SAMPLE_WISE: dict[CriterionName, Formula] = {
    "gce": generalised_cross_entropy,
    "sce": symmetric_cross_entropy,
    "label-smoothing": smoothed_cross_entropy,
}
"""Those that are functions of one sample's prediction, by the criterion's name."""


def early_learning(logits: Tensor, past: Tensor, own_classes: Tensor) -> tuple[Tensor, Tensor]:
    """ELR's regulariser, ``log(1 - <t, p>)`` of each sample: Liu et al., NeurIPS 2020, equation 6.

    "Early-Learning Regularization Prevents Memorization of Noisy Labels". The target ``t`` of a sample is the
    running mean of its predictions, ``t = 0.7 t + 0.3 p`` from 0 on, taken in before it is used, without
    graph.

    Args:
        logits: Shape ``(replicas, samples, classes)``.
        past: The samples' targets of before, likewise.
        own_classes: Which classes each replica has: bool of shape ``(replicas, 1, classes)``.

    Returns:
        The samples' new targets, and the regulariser, ``(replicas, samples)`` with graph.
    """
    p = logits.softmax(-1).clamp(_ELR_LEAST, 1 - _ELR_LEAST).masked_fill(~own_classes, 0)
    with torch.no_grad():
        targets = ELR_MEMORY * past + (1 - ELR_MEMORY) * p / p.sum(-1, keepdim=True)
    return targets, (1 - (targets * p).sum(-1)).log()
