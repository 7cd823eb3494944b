"""Criteria that are functions of one sample's prediction: GCE, SCE, label smoothing."""

from torch import Tensor

from rlflood.formulas import Formula, cross_entropies
from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.objectives import Batch


class SampleWise(Criterion):
    """One of :data:`rlflood.formulas.SAMPLE_WISE`.

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
