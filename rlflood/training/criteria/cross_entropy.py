"""The losses of the samples: cross-entropy, which levels are compared with and metrics are made of."""

from torch import Tensor
from torch.nn import functional as F


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample in nats: shape ``(replicas, samples)``.

    Args:
        logits: float32 of shape ``(replicas, samples, classes)``.
        labels: Class numbers of shape ``(replicas, samples)``.
    """
    return F.cross_entropy(logits.mT, labels, reduction="none")
