"""The losses of the samples: cross-entropy, with or without label smoothing."""

from torch import Tensor
from torch.nn import functional as F


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample in nats: shape ``(replicas, samples)``.

    Args:
        logits: float32 of shape ``(replicas, samples, classes)``.
        labels: Class numbers of shape ``(replicas, samples)``.
    """
    return F.cross_entropy(logits.mT, labels, reduction="none")


def smoothed_cross_entropies(logits: Tensor, labels: Tensor, smoothing: float, own_classes: Tensor) -> Tensor:
    """Cross-entropy with label smoothing of each sample in nats: shape ``(replicas, samples)``.

    Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, as ``F.cross_entropy`` has it, but
    over the classes that a replica has.

    Args:
        logits: float32 of shape ``(replicas, samples, classes)``.
        labels: Class numbers of shape ``(replicas, samples)``.
        smoothing: Share of the target that is spread evenly over the classes; 0 is the plain cross-entropy,
            bit for bit.
        own_classes: bool of shape ``(replicas, 1, classes)``.
    """
    plain = cross_entropies(logits, labels)
    if not smoothing:
        return plain
    logs = logits.log_softmax(-1).masked_fill(~own_classes, 0)
    return (1 - smoothing) * plain - smoothing * logs.sum(-1) / own_classes.sum(-1)
