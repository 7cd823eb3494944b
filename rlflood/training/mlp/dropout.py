"""Dropout of stacked replicas, with masks that carry no state."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rlflood.training.order import GOLDEN, mixed

_STEPS = 1 << 16


class StackedDropout(nn.Module):
    """Dropout (Srivastava et al., JMLR 2014) of each replica by itself.

    As with the batch order, a replica's masks are a function of its seed and of the epoch: neither neighbours
    nor device nor threads change them, and a resumed run needs no generator state. A mask takes 16 bits of
    SplitMix64's output, so ``p`` is rounded to a multiple of 1/65536.

    Args:
        seeds: Seed of each replica; equal seeds get equal masks.
        p: Probability of each unit to be dropped, below 1.
    """

    _seeds: Tensor

    def __init__(self, seeds: Sequence[int], p: float) -> None:
        super().__init__()
        self.p = p
        dropped = min(round(p * _STEPS), _STEPS - 1)
        self._lowest_kept = dropped - _STEPS // 2  # the 16 bits are read as a signed number
        self._scale = _STEPS / (_STEPS - dropped)
        self.register_buffer("_seeds", torch.tensor(seeds, dtype=torch.int64), persistent=False)
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Begin the masks of an epoch, from 0."""
        # the batch order has the odd numbers
        self._streams = mixed(mixed(self._seeds * GOLDEN) + epoch * 2 + 2)
        self._drawn = 0

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(replicas, samples, width)``; in training dropped in part, the rest scaled."""
        if not self.training:
            return x
        units = x[0].numel()
        words = -(-units // 4)
        positions = torch.arange(self._drawn, self._drawn + words, device=x.device)
        self._drawn += words
        bits = mixed(self._streams[:, None] + positions * GOLDEN).view(torch.int16)[:, :units]
        return x * ((bits >= self._lowest_kept).to(x.dtype) * self._scale).view(x.shape)
