"""What a scheduler does in each mini-batch: the loss is flooded at its level, held as its ``Hold`` says."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from rlflood.errors import InputError
from rlflood.flooding import check_tensor, turned
from rlflood.held_level import HeldLevel
from rlflood.holding import Hold
from rlflood.metrics import Values
from rlflood.schedulers.ascents import Ascents
from rlflood.state import Stateful


class Batches(Stateful):
    """Floods the losses of mini-batches.

    Levels and the running mean are tensors that live as long as the run and are only ever changed in place,
    so that compiled functions and captured graphs, which keep hold of them, follow the level.

    Args:
        hold: How levels are held.

    Attributes:
        levels: The level on each device, in each type and shape that a loss has come in.

    Raises:
        InputError: if ``hold`` is none.
    """

    def __init__(self, hold: Hold) -> None:
        if not isinstance(hold, Hold):
            raise InputError(
                f"hold= takes a rlflood.Hold, such as Hold(batches=20, ascent=0.5): got {hold!r}"
            )
        self.hold = hold
        self.levels: dict[tuple[torch.device, torch.dtype, tuple[int, ...]], Tensor] = {}
        self._ascents: dict[tuple[torch.device, torch.dtype, tuple[int, ...]], Ascents] = {}
        self._level: Values = 0.0
        self._held: HeldLevel | None = None
        self._resumed: dict[str, Values] = {"mean": 0.0, "count": 0.0}  # what the running mean begins from

    @property
    def used(self) -> bool:
        """Whether a loss of the present shape has come."""
        return bool(self.levels)

    def __call__(self, loss: Tensor, parts: int, plain: Tensor | None = None) -> Tensor:
        """The flooded loss; see :meth:`rlflood.schedulers.base.FloodScheduler.__call__`."""
        key = (loss.device, loss.dtype, tuple(loss.shape))
        if key not in self.levels:
            with torch.inference_mode(False):  # a tensor made in inference mode could not be trained with
                self.levels[key] = self._filled(torch.empty_like(loss, requires_grad=False))
                self._ascents[key] = Ascents(key[2], loss.device)
        level, by = self.levels[key], (loss if plain is None else plain).detach()
        if self.hold.batches > 1:
            by = self._on(loss).decides(_over_processes(by), parts)
            by = by if by.dtype == loss.dtype else by.to(loss.dtype)
        above = by - level
        self._ascents[key].add(above)
        return turned(loss, level, above, self.hold.ascent)

    @property
    def ascended(self) -> Values | None:
        """See :attr:`rlflood.schedulers.base.FloodScheduler.ascended`; waits for the device."""
        counts = [ascents.last.cpu().numpy() for ascents in self._ascents.values()]
        up, batches = np.sum(counts, 0) if counts else (np.zeros(()), np.zeros(()))
        if not batches.any():
            return None
        with np.errstate(invalid="ignore"):  # a replica that is lost has none
            share = up / batches
        return share if share.ndim else float(share)

    def set_level(self, level: Values, shape: tuple[int, ...] | None) -> None:
        """Refill the tensors of the level; those of a shape that can no longer come are dropped.

        Args:
            level: A number, or shape ``(replicas,)``.
            shape: Of the losses to come; None if any may.
        """
        self._level = level
        for key, tensor in list(self.levels.items()):
            if shape in (None, key[-1]):
                self._filled(tensor)
            else:
                del self.levels[key], self._ascents[key]

    def end_epoch(self, returns: NDArray[np.bool_] | bool) -> None:
        """Count anew, drop the parts of a step that is not complete, and begin means anew where told so.

        Args:
            returns: Where the weights of another time are put back: for all, or shape ``(replicas,)``.
        """
        for ascents in self._ascents.values():
            ascents.end_epoch()
        if self._held is not None:
            self._held.drop_parts()
            if np.any(returns):
                shape = tuple(self._held.mean.shape)
                # of one network a scheduler may say it as an array of one, and its losses are numbers
                which = np.broadcast_to(returns, shape) if shape else np.reshape(returns, ())
                self._held.forget(torch.tensor(which, device=self._held.mean.device))

    def state_dict(self) -> dict[str, Any]:
        """The running mean and how many steps it is made of: numbers, or lists with one a replica."""
        if self._held is None:
            return {name: np.asarray(value).tolist() for name, value in self._resumed.items()}
        return {name: value.tolist() for name, value in self._held.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Raises:
            ValueError: if these are no numbers of one shape. Nothing has changed then.
        """
        mean, count = (np.asarray(state[name], np.float64) for name in ("mean", "count"))
        if (
            mean.shape != count.shape
            or mean.ndim > 1
            or not np.isfinite([mean, count]).all()
            or (count < 0).any()
        ):
            raise ValueError(f"a running mean of {state['mean']} over {state['count']} steps")
        self._resumed = {"mean": mean, "count": count}
        for ascents in self._ascents.values():
            ascents.forget()
        if self._held is None:
            return
        if self._held.mean.shape == mean.shape:
            self._held.load_state_dict(self._on_cpu())
        else:  # made for losses of a shape that can no longer come
            self._held = None

    def _on(self, loss: Tensor) -> HeldLevel:
        """The running mean of such losses, on their device."""
        held = self._held
        if held is None or held.mean.device != loss.device or held.mean.shape != loss.shape:
            if held is not None:
                self._resumed = {name: value.cpu().numpy() for name, value in held.state_dict().items()}
            with torch.inference_mode(False):
                held = HeldLevel(self.hold, tuple(loss.shape), loss.device)
                held.load_state_dict(self._on_cpu())
            self._held = held
        return held

    def _on_cpu(self) -> dict[str, Tensor]:
        return {name: torch.as_tensor(value, dtype=torch.float32) for name, value in self._resumed.items()}

    def _filled(self, tensor: Tensor) -> Tensor:
        """``tensor``, filled with the level."""
        with torch.no_grad():
            if isinstance(self._level, np.ndarray):
                return tensor.copy_(torch.from_numpy(self._level))
            return tensor.fill_(self._level)


def check_loss(loss: Tensor, shape: tuple[int, ...] | None, parts: int) -> None:
    """Make sure that this is the mean loss of a mini-batch, or of one of the parts of it.

    Args:
        loss: The loss.
        shape: Of the metrics and levels of the run; None while nothing has settled it.
        parts: How many losses make one step.

    Raises:
        TypeError: if the loss is no tensor.
        ValueError: if it has another shape, or ``parts`` is not positive.
    """
    check_tensor(loss)
    if parts < 1:
        raise ValueError(f"parts is {parts}, but a step has 1 part or more.")
    if tuple(loss.shape) != (shape or ()):
        declare = "" if shape is not None else " If these are replicas, say so: replicas= or arrays."
        raise ValueError(
            f"The loss has shape {tuple(loss.shape)}, but must have shape {shape or ()}: "
            f"take its mean over each batch first (reduction='mean').{declare}"
        )


def _over_processes(loss: Tensor) -> Tensor:
    """The mean over all processes of ``torch.distributed``, so that all of them turn to the same side."""
    mean = loss
    if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
        mean = loss.to(torch.float32, copy=True)
        distributed.all_reduce(mean)
        mean = mean / distributed.get_world_size()  # gloo knows no average
    return mean
