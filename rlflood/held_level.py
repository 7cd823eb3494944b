"""The losses of mini-batches as PyTorch has them, flooded as a :class:`~rlflood.holding.Hold` says."""

import torch
from torch import Tensor

from rlflood.flooding import flood, side_of
from rlflood.holding import Hold


class HeldLevel:
    """Floods the losses of one batch after the other as a :class:`Hold` says.

    All of its state is tensors on the losses' device that are only ever changed in place: no batch waits for
    the device, and compiled functions and captured graphs follow it.

    Args:
        hold: How the level is held.
        shape: Of the losses: ``()``, or ``(replicas,)`` with a mean for each.
        device: Where the losses are.

    Attributes:
        mean: The running mean in nats, float32 in the shape of the losses; 0 before the first.
        count: Batches that it is made of, float32 likewise.
    """

    def __init__(self, hold: Hold, shape: tuple[int, ...], device: torch.device) -> None:
        self.hold = hold
        self.mean = torch.zeros(shape, device=device)
        self.count = torch.zeros(shape, device=device)
        self._infinity = torch.full_like(self.mean, torch.inf)
        # of the parts of a step that is not complete yet
        self._sum, self._parts = torch.zeros_like(self.mean), torch.zeros_like(self.mean)

    def __call__(
        self, loss: Tensor, level: float | Tensor, plain: Tensor | None = None, *, parts: int = 1
    ) -> Tensor:
        """The flooded loss; see :func:`rlflood.flooding.flood`.

        Args:
            loss: What is trained on.
            level: The flood level.
            plain: What the level is compared with, where that is not the loss itself: under another criterion
                the cross-entropy, in which levels are given.
            parts: How many successive losses make one step of the optimizer, this one among them. On a
                running mean all of them turn to one side: that of the steps before, since the present one
                is known only with its last part.
        """
        by = self.decides(loss if plain is None else plain, parts).to(loss.dtype)
        return flood(loss, level, by=by, ascent=self.hold.ascent)

    def decides(self, loss: Tensor, parts: int = 1) -> Tensor:
        """Take in what the level is compared with; what decides between descent and ascent then."""
        if self.hold.batches == 1:
            return loss
        return self.take(loss) if parts == 1 else self.take_part(loss, parts)

    def side(self, loss: Tensor, level: Tensor) -> Tensor:
        """What the gradient of a step's mean loss is multiplied by: 1 above the level, ``-ascent`` below.

        Args:
            loss: The mean loss of all parts of the step, in the shape given.
            level: The flood level.
        """
        return side_of(self.decides(loss), level, self.hold.ascent)

    def take(self, loss: Tensor) -> Tensor:
        """Take in the loss of a step of the optimizer; the mean that goes with it.

        A loss that is not finite changes nothing.
        """
        loss = loss.detach().float()
        finite = loss.abs() < self._infinity  # half as many operations as isfinite()
        self.count += finite
        weight = self.count.clamp(1, self.hold.batches).reciprocal_()
        # towards itself is not at all, bit for bit
        return self.mean.lerp_(torch.where(finite, loss, self.mean), weight)

    def take_part(self, loss: Tensor, parts: int) -> Tensor:
        """Take in the loss of one of so many parts of a step; the mean of the complete steps before.

        That is infinite before the first: nothing tells yet that the level has been reached.
        """
        before = torch.where(self.count > 0, self.mean, torch.inf)
        self._sum += loss.detach().float()
        self._parts += 1
        complete = self._parts >= parts
        # a step that is not complete is passed over as one that is not finite
        self.take(torch.where(complete, self._sum / self._parts, torch.nan))
        self._sum.masked_fill_(complete, 0)
        self._parts.masked_fill_(complete, 0)
        return before

    def drop_parts(self) -> None:
        """Let the next part be the first of its step."""
        self._sum.zero_()
        self._parts.zero_()

    def forget(self, which: Tensor | None = None) -> None:
        """Begin anew: with the weights of another time, the losses of before say nothing.

        Args:
            which: Of the replicas, bool of the losses' shape; all if not given.
        """
        self.count.zero_() if which is None else self.count.masked_fill_(which, 0)

    def state_dict(self) -> dict[str, Tensor]:
        """What goes on in a resumed run: copies of the mean and its count."""
        return {"mean": self.mean.clone(), "count": self.count.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from :meth:`state_dict`."""
        self.mean.copy_(state["mean"])
        self.count.copy_(state["count"])
