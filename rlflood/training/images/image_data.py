"""Images that live on the device: mini-batches of a training split, augmented, and of the other splits."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from rlflood.data import Split
from rlflood.data.source import ImageShape
from rlflood.errors import InputError
from rlflood.training.order import augmentation_bits, batch_order

Augmentation: TypeAlias = Literal["none", "crop", "crop-flip"]

PADDING = 4
"""Pixels on each side that a random crop may move the image by: He et al., CVPR 2016, section 4.2."""
_OFFSETS = 2 * PADDING + 1
_EVALUATION_BATCH = 1000


class DeviceSplit:
    """A split as images on a device.

    Attributes:
        x: float32 of shape ``(samples, channels, height, width)``.
        y, y_clean: Labels after and before noise, shape ``(samples,)``.
    """

    def __init__(self, split: Split, shape: ImageShape, device: torch.device) -> None:
        self.x = torch.from_numpy(split.x).view(-1, *shape).to(device)
        self.y = torch.from_numpy(split.y).to(device)
        self.y_clean = torch.from_numpy(split.y_clean).to(device)

    def __len__(self) -> int:
        return len(self.y)


class TrainingImages:
    """The mini-batches of an epoch: images, labels, and the samples' numbers.

    Their order and augmentation are functions of the seed and the epoch alone, the order being that of a
    population's replica of this seed. With several processes each has its part of every mini-batch.

    Args:
        split: The training split.
        batch_size: Samples in a mini-batch, over all processes; ``None`` is the full batch.
        seed: Of order and augmentation.
        augmentation: See :attr:`rlflood.training.Task.augmentation`.
        micro_batch: The most samples of a mini-batch to give at a time, for the sake of memory.
        rank, processes: The number of this process, and how many there are.

    Raises:
        InputError: if a mini-batch has fewer samples than there are processes.
    """

    def __init__(
        self,
        split: DeviceSplit,
        *,
        batch_size: int | None,
        seed: int,
        augmentation: Augmentation = "none",
        micro_batch: int | None = None,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self._split, self._augmentation = split, augmentation
        self._size = min(batch_size or len(split), len(split))
        smallest = len(split) % self._size or self._size
        if smallest < processes:
            raise InputError(
                f"{len(split)} training samples in batches of {self._size} end with a batch of {smallest}, "
                f"too few for {processes} processes: change the train or the batch size"
            )
        self._seed = torch.tensor([seed], dtype=torch.int64, device=split.y.device)
        self._rank, self._processes = rank, processes
        self._micro = micro_batch or self._size
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be that of ``epoch``, counted from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[tuple[Tensor, Tensor, Tensor]]]:
        samples = len(self._split)
        order = torch.arange(samples, device=self._seed.device)
        if self._size < samples:
            order = batch_order(self._seed, self._epoch, samples)[0]
        bits = augmentation_bits(self._seed, self._epoch, samples) if self._augmentation != "none" else None
        for start in range(0, samples, self._size):
            own = order[start : start + self._size].tensor_split(self._processes)[self._rank]
            yield [self._part(numbers, bits) for numbers in own.split(self._micro)]

    def _part(self, numbers: Tensor, bits: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        x = self._split.x[numbers]
        if bits is not None:
            x = augmented(x, bits[numbers], flip=self._augmentation == "crop-flip")
        return x, self._split.y[numbers], numbers


class EvaluationImages:
    """A split in parts that fit into memory: images, labels and clean labels; each process has its part."""

    def __init__(self, split: DeviceSplit, *, rank: int = 0, processes: int = 1) -> None:
        edges = torch.linspace(0, len(split), processes + 1).round().long().tolist()
        self._split, self._start, self._end = split, edges[rank], edges[rank + 1]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for start in range(self._start, self._end, _EVALUATION_BATCH):
            rows = slice(start, min(start + _EVALUATION_BATCH, self._end))
            yield self._split.x[rows], self._split.y[rows], self._split.y_clean[rows]


def augmented(x: Tensor, bits: Tensor, *, flip: bool) -> Tensor:
    """Each image padded by 4 zeros a side and cropped at random, and mirrored half of the time.

    Zero is the channel's mean, images being standardised.

    Args:
        x: Images of shape ``(samples, channels, height, width)``.
        bits: Random bits of each sample, int64 of shape ``(samples,)``.
        flip: Whether to mirror.
    """
    samples, channels, height, width = x.shape
    device = x.device
    # parts of the bits far from each other; the shifts copy the sign, which & and % with a positive take away
    top = ((bits >> 8) & 0xFFFF) % _OFFSETS
    left = ((bits >> 24) & 0xFFFF) % _OFFSETS
    rows = top[:, None] + torch.arange(height, device=device)
    columns = torch.arange(width, device=device).expand(samples, -1)
    if flip:
        columns = torch.where(((bits >> 40) & 1).bool()[:, None], width - 1 - columns, columns)
    columns = left[:, None] + columns
    padded = torch.nn.functional.pad(x, (PADDING,) * 4)
    numbers = torch.arange(samples, device=device)
    return padded[
        numbers[:, None, None, None],
        torch.arange(channels, device=device)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]
