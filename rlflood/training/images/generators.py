"""PyTorch's generators, for what draws from them in training: dropout, and loaders that shuffle."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rlflood.training.order import GOLDEN, mixed


@contextmanager
def generators_of(seed: int, rank: int, epoch: int, device: torch.device) -> Iterator[None]:
    """The generators at the beginning of an epoch of a process; as they were, afterwards."""
    start = mixed(torch.tensor(seed * 1_000_003 + rank) * GOLDEN) + epoch
    bits, on_gpu = int(mixed(start)), device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(bits)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(bits)
        yield
