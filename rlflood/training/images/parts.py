"""Mini-batches that come in parts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from torch import Tensor

Samples: TypeAlias = Sequence[Tensor]
"""Inputs, labels and, if there is a third, the samples' numbers (in training) or clean labels (else)."""


def parts_of(batch: Any) -> list[Samples]:
    """The parts of a mini-batch that may come whole."""
    return [batch] if isinstance(batch[0], Tensor) else list(batch)


def steps_of(loader: Iterable[Any], accumulate: int) -> Iterator[list[Samples]]:
    """The parts of each step of the optimizer; the last step of an epoch may have fewer."""
    parts: list[Samples] = []
    for number, batch in enumerate(loader, start=1):
        parts.extend(parts_of(batch))
        if number % accumulate == 0:
            yield parts
            parts = []
    if parts:
        yield parts
