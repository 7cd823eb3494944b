"""The order of the mini-batches and what augments their images: random numbers that carry no state.

A replica's order in an epoch is a function of its seed and of the epoch alone, so that a replica in a
stack of 256 sees its samples as it would alone, on any device, and a run resumed at epoch 70 needs no
generator states.
"""

import torch
from torch import Tensor

GOLDEN = -0x61C8864680B583EB
"""2**64 over the golden ratio, SplitMix64's increment, as int64."""

_PAIRS = 1 << 40  # beyond the positions of any training split


def mixed(bits: Tensor) -> Tensor:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014) on int64, which wraps as uint64 does."""
    # int64 shifts copy the sign bit; the masks make the shifts logical
    bits = (bits ^ ((bits >> 30) & 0x3FFFFFFFF)) * -0x40A7B892E31B1A47
    bits = (bits ^ ((bits >> 27) & 0x1FFFFFFFFF)) * -0x6B2FB644ECCEEE15
    return bits ^ ((bits >> 31) & 0x1FFFFFFFF)


def batch_order(seeds: Tensor, epoch: int, samples: int) -> Tensor:
    """A permutation of ``range(samples)`` for each seed: int64 of shape ``(replicas, samples)``.

    Args:
        seeds: int64 of shape ``(replicas,)``; equal seeds get equal permutations.
        epoch: The epoch, from 0.
        samples: Samples of the training split.
    """
    positions = torch.arange(samples, device=seeds.device, dtype=torch.int64)
    return mixed(_streams(seeds, epoch)[:, None] + positions * GOLDEN).argsort(dim=1)


def augmentation_bits(seed: Tensor, epoch: int, samples: int) -> Tensor:
    """Random bits for the augmentation of each training sample in an epoch: int64 of shape ``(samples,)``.

    Args:
        seed: int64 of shape ``(1,)``.
        epoch: The epoch, from 0.
        samples: Samples of the training split.
    """
    # below 0, where batch_order has no positions
    positions = -1 - torch.arange(samples, device=seed.device, dtype=torch.int64)
    return mixed(_streams(seed, epoch) + positions * GOLDEN)


def pairing(seeds: Tensor, epoch: int, drawn: int, samples: int) -> Tensor:
    """A permutation of the samples of a mini-batch for each seed: int64 of shape ``(replicas, samples)``.

    Args:
        seeds: int64 of shape ``(replicas,)``.
        epoch: The epoch, from 0.
        drawn: Samples of the epoch's mini-batches before this one.
        samples: Samples of this one.
    """
    positions = _PAIRS + drawn + torch.arange(samples, device=seeds.device, dtype=torch.int64)
    return mixed(_streams(seeds, epoch)[:, None] + positions * GOLDEN).argsort(dim=1)


def _streams(seeds: Tensor, epoch: int) -> Tensor:
    return mixed(mixed(seeds * GOLDEN) + epoch * 2 + 1)
