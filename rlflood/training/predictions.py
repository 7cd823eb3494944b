"""How many training samples are predicted otherwise than in the epoch before.

Under wrong labels the number falls while what is true of the data is learned, and rises again when single
labels are: what Label Wave (Yuan, Feng and Liu, ICLR 2024) goes by, and what needs no validation split.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, distributed

from rlflood.metrics import Array

_NONE = -1


class Predictions:
    """The class that each training sample was last predicted, in the mini-batches of the training itself.

    All is on the device and changed in place: no batch waits for it, and captured graphs follow.

    Args:
        replicas: How many networks.
        samples: Samples of the training split; None where mini-batches do not number them: then nothing is
            known.
        device: Where predictions are made.

    Attributes:
        changed: Of the samples the share that the last epoch predicted otherwise than the one before, float32
            of shape ``(replicas,)``; NaN before the second epoch.
    """

    def __init__(self, replicas: int, samples: int | None, device: torch.device) -> None:
        self._known = samples is not None
        shape = (replicas, samples or 0)
        # 16 bits are enough for classes, and a checkpoint has one of these for each sample
        self._now = torch.full(shape, _NONE, dtype=torch.int16, device=device)
        self._before = torch.full_like(self._now, _NONE)
        self.changed = torch.full((replicas,), torch.nan, device=device)

    def begin_epoch(self, processes: int = 1) -> None:
        """Begin an epoch of which processes have their parts."""
        if processes > 1:
            self._now.fill_(_NONE)

    def note(self, samples: Tensor, predicted: Tensor) -> None:
        """Take in the classes predicted for the samples of these numbers: both ``(replicas, batch)``."""
        if self._known:
            self._now.scatter_(1, samples, predicted.to(torch.int16))

    def end_epoch(self, processes: int = 1) -> None:
        """Compare the epoch with the one before; where processes had their parts of it, all of them."""
        if not self._known:
            return
        if processes > 1:
            # each process knows the predictions of its own samples alone
            whole = self._now.int()
            distributed.all_reduce(whole, distributed.ReduceOp.MAX)
            self._now.copy_(whole)
        share = (self._now != self._before).float().mean(1)
        first = (self._before == _NONE).any(1)
        self.changed.copy_(torch.where(first, torch.nan, share))
        self._before.copy_(self._now)

    def fetched(self) -> Array:
        """:attr:`changed` on the host."""
        return self.changed.double().cpu().numpy()

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of the last epoch's predictions and of what has changed."""
        return {"before": self._before.clone(), "changed": self.changed.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from :meth:`state_dict`."""
        self._before.copy_(state["before"])
        self._now.copy_(state["before"])
        self.changed.copy_(state["changed"])
