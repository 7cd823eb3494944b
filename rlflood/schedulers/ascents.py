"""How many of an epoch's batches went up."""

import torch
from torch import Tensor


class Ascents:
    """Counts batches below their level, in tensors on the losses' device that are only changed in place.

    Args:
        shape: Of the losses: ``()``, or ``(replicas,)`` with counts for each.
        device: Where the losses are.

    Attributes:
        last: Of the last epoch, the batches that went up, and all; int64 of shape ``(2, *shape)``. Batches
            whose loss is NaN are none.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device) -> None:
        self._counts = torch.zeros(2, *shape, dtype=torch.int64, device=device)
        # just below 0, and above all: one comparison with both counts what went up, and everything
        bounds = torch.tensor([-torch.finfo(torch.float32).tiny, torch.inf], device=device)
        self._bounds = bounds.reshape(2, *[1] * len(shape))
        self.last = torch.zeros_like(self._counts)

    def add(self, above: Tensor) -> None:
        """Count a batch.

        Args:
            above: How far above the level that lies which decides between descent and ascent: of shape
                ``shape``, without a graph.
        """
        self._counts.add_(above <= self._bounds)

    def end_epoch(self) -> None:
        """Begin to count anew."""
        self.last.copy_(self._counts)
        self._counts.zero_()

    def forget(self) -> None:
        """There was no epoch yet."""
        self._counts.zero_()
        self.last.zero_()
