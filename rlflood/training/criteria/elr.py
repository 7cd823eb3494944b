"""Early-learning regularisation: predictions are held to their own running means."""

import torch
from torch import Tensor

from rlflood.formulas import early_learning
from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.objectives import Batch


class EarlyLearning(Criterion):
    """ELR: ``CE + lambda * mean(log(1 - <t, p>))``; see :func:`rlflood.formulas.early_learning`.

    Lambda is the strength, 3 in the paper. A level turns the cross-entropy alone: the regulariser is always
    descended on.

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
        rows = (self._rows, samples)
        targets, regularisers = early_learning(logits, self.targets[rows], self._own_classes)
        self.targets[rows] = targets
        rest = self.strength * regularisers.mean(1)
        return Batch(x, logits, labels, self.losses(logits, labels), samples, epoch, rest=rest)

    def state_dict(self) -> dict[str, Tensor]:
        """The targets, shape ``(replicas, samples, classes)``."""
        return {"targets": self.targets.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over targets."""
        self.targets.copy_(state["targets"])
