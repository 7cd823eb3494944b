"""Mixup: samples are trained in pairs, inputs and labels mixed by a random share."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.formulas import cross_entropies
from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.objectives import Batch
from rlflood.training.order import pairing

_AHEAD = 64  # shares are drawn for so many batches at a time
_STREAM = 2000  # child of the network seed's SeedSequence


class Mixup(Criterion):
    """Mixup: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Each mini-batch is mixed with a permutation of itself, ``share * x + (1 - share) * x'``, and the loss is
    the cross-entropy of the labels mixed likewise. One share a batch comes from ``Beta(alpha, alpha)`` with
    the strength as alpha, as in the authors' code. The paper has alpha 1 on CIFAR (section 3.2) and, against
    wrong labels, tries 1, 2, 8 and 32 and picks 8 or 32 (section 3.4).

    Partners and shares are functions of a replica's seed, the epoch and the batch's place in it. The train
    loss, which levels are compared with, is that of the mixed batch, and the train accuracy the share of the
    labels that is right.

    Args:
        seeds: Network seed of each replica.
        device: Where the replicas are.
    """

    sample_wise = False
    captured = False

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        super().__init__(len(seeds), device)
        self._seeds = torch.tensor(seeds, dtype=torch.int64, device=device)
        self._roots = [int(seed) for seed in seeds]

    def begin_epoch(self, epoch: int, strengths: NDArray[np.float64]) -> None:
        """Begin the shares and the partners of an epoch."""
        super().begin_epoch(epoch, strengths)
        self._epoch, self._alphas = epoch, strengths
        self._generators = [
            np.random.default_rng(np.random.SeedSequence(root, spawn_key=(_STREAM, epoch)))
            for root in self._roots
        ]
        self._drawn = self._batches = 0

    def _next_share(self) -> Tensor:
        ahead = self._batches % _AHEAD
        if not ahead:
            pairs = zip(self._generators, self._alphas, strict=True)
            shares = np.stack([own.beta(alpha, alpha, _AHEAD) for own, alpha in pairs]).astype(np.float32)
            self._shares = torch.from_numpy(shares).to(self.strength.device)
        self._batches += 1
        return self._shares[:, ahead, None]

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """See :meth:`Criterion.batch`."""
        partners = pairing(self._seeds, self._epoch, self._drawn, labels.shape[1])
        self._drawn += labels.shape[1]
        rows = torch.arange(len(labels), device=labels.device)[:, None]
        self._share, self._others = self._next_share(), labels[rows, partners]
        of_inputs = self._share.view(-1, *[1] * (x.dim() - 1))
        mixed = of_inputs * x + (1 - of_inputs) * x[rows, partners]
        logits = forward(mixed)
        losses = self._share * cross_entropies(logits, labels)
        losses = losses + (1 - self._share) * cross_entropies(logits, self._others)
        return Batch(mixed, logits, labels, losses, samples, epoch)

    def hits(self, predicted: Tensor, labels: Tensor) -> Tensor:
        """The share of the mixed labels that is right, summed over the samples."""
        own, others = predicted == labels, predicted == self._others
        return (self._share * own + (1 - self._share) * others).sum(1)
