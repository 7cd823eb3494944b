"""Early-learning regularisation: predictions are held to their own running means."""

import torch
from torch import Tensor

from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.objectives import Batch

MEMORY = 0.7
"""Weight of a target's past in each epoch: Liu et al. on CIFAR-10 with symmetric noise."""
_LEAST = 1e-4  # what their code clamps probabilities by, to keep the logarithm finite


class EarlyLearning(Criterion):
    """ELR: ``CE + lambda * mean(log(1 - <t, p>))``, Liu et al., NeurIPS 2020, equation 6.

    "Early-Learning Regularization Prevents Memorization of Noisy Labels". The target ``t`` of a sample is the
    running mean of its predictions, ``t = 0.7 t + 0.3 p`` from 0 on, taken in before it is used, without
    graph. Lambda is the strength, 3 in the paper.

    A level turns the cross-entropy alone: the regulariser is always descended on.

    Args:
        own_classes: Which classes each replica has: bool of shape ``(replicas, 1, classes)``.
        samples: Samples of the training split.
    """

    sample_wise = False

    def __init__(self, own_classes: Tensor, samples: int) -> None:
        super().__init__(len(own_classes), own_classes.device)
        self._own_classes = own_classes
        self._rows = torch.arange(len(own_classes), device=own_classes.device)[:, None]
        self.targets = torch.zeros(len(own_classes), samples, own_classes.shape[2], device=own_classes.device)

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """See :meth:`Criterion.batch`."""
        logits = forward(x)
        p = logits.softmax(-1).clamp(_LEAST, 1 - _LEAST).masked_fill(~self._own_classes, 0)
        with torch.no_grad():
            rows = (self._rows, samples)
            targets = MEMORY * self.targets[rows] + (1 - MEMORY) * p / p.sum(-1, keepdim=True)
            self.targets[rows] = targets
        rest = self.strength * (1 - (targets * p).sum(-1)).log().mean(1)
        return Batch(x, logits, labels, self.losses(logits, labels), samples, epoch, rest=rest)

    def state_dict(self) -> dict[str, Tensor]:
        """The targets, shape ``(replicas, samples, classes)``."""
        return {"targets": self.targets.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over targets."""
        self.targets.copy_(state["targets"])
