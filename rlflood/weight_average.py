"""The mean of the weights along a run, in a training loop of one's own."""

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, update_bn

from rlflood.errors import InputError


class Beginning(Protocol):
    """What says where an average begins: every :class:`~rlflood.schedulers.FloodScheduler` of one network."""

    @property
    def level(self) -> Any:
        """One number for one network."""
        ...

    @property
    def epoch(self) -> int:
        """Epochs that have been reported."""
        ...

    @property
    def begins(self) -> Any:
        """Whether an average begins with the next epoch."""
        ...


class WeightAverage(AveragedModel):
    """The mean of a network's weights and buffers: PyTorch's ``AveragedModel`` with one beginning or two.

    A flooded run is a walk around its level; what is worth keeping of a walk is its mean::

        average = WeightAverage(model, scheduler)
        ...
                optimizer.step()
                average.update()
        ...
        evaluate(average.module)

    It is an exponential mean over so many steps (an EMA; of the first steps the plain mean, so nothing is
    left of the initialisation) for as long as nobody says where it begins. From the epoch on with which the
    scheduler's average begins (:attr:`~rlflood.schedulers.FloodScheduler.begins`) it is the plain mean of
    all steps since: stochastic weight averaging, Izmailov et al., UAI 2018. Without a scheduler it stays
    exponential, until :meth:`begin`.

    Buffers are averaged as weights are, so batch normalisation gets the mean of its running statistics;
    :meth:`update_batch_norm` makes them anew. Whole numbers are copied.

    Args:
        model: The network that is trained. Of a compiled or data-parallel one the network within is averaged.
            Weights in half precision are averaged in half precision, where small changes are lost: leave them
            in float32, under autocast.
        scheduler: Says where the plain mean begins.
        over: Steps of the optimizer that the exponential mean goes back, 1 or more: 100 is a decay of 0.99. A
            run should have ten times as many.

    Attributes:
        module: The averaged network, in evaluation mode, to evaluate and to deploy. One copy of the model.

    Raises:
        InputError: if ``over`` is below 1, or the scheduler steers several networks.
    """

    def __init__(self, model: nn.Module, scheduler: Beginning | None = None, *, over: float = 100) -> None:
        if not over >= 1:
            raise InputError(f"an average is over 1 step of the optimizer or more: got over={over}")
        if scheduler is not None and np.size(scheduler.level) > 1:
            raise InputError("one average is of one network, but the scheduler steers several")
        source = network_within(model)
        super().__init__(source, use_buffers=True)
        self.module.eval()
        self._source = (source,)  # in a tuple it is no part of this module, nor of its state
        self._scheduler = scheduler
        self._over = float(over)
        self._epoch: int | None = None  # of the scheduler, when it was last asked

    def update(self) -> None:
        """Take in the weights; to be called after each step of the optimizer.

        It waits for no device.
        """
        if self._scheduler is not None and self._scheduler.epoch != self._epoch:
            self._epoch = self._scheduler.epoch
            if self._scheduler.begins:
                self.begin()
        self.update_parameters(self._source[0])

    def begin(self) -> None:
        """Let the mean begin with the next step, and be plain from then on."""
        self.n_averaged.zero_()
        self._over = math.inf

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights of a network; what :meth:`update` calls with the one that is trained."""
        # PyTorch's own sends the count to the device in each step, and waits for that
        self.n_averaged += 1
        share = 1 / min(int(self.n_averaged), self._over)
        floats: dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
        for mean, value in zip(_tensors(self.module), _tensors(model), strict=True):
            if mean.is_floating_point() or mean.is_complex():
                means, values = floats.setdefault((mean.device, mean.dtype), ([], []))
                means.append(mean)
                values.append(value.to(mean.device))
            else:
                mean.copy_(value)
        for means, values in floats.values():
            if share == 1:  # whatever there was, were it not a number
                torch._foreach_copy_(means, values)
            else:
                torch._foreach_lerp_(means, values, share)

    def update_batch_norm(self, loader: Any) -> None:
        """Make the running statistics of batch normalisation anew: :func:`torch.optim.swa_utils.update_bn`.

        Until the next :meth:`update`, which goes on from them.

        Args:
            loader: Gives batches of inputs, or tuples with the inputs first.
        """
        device = next((tensor.device for tensor in _tensors(self.module)), None)
        update_bn(loader, self.module, device)

    def get_extra_state(self) -> dict[str, Any]:
        """What its ``state_dict`` has beside the mean, in plain numbers."""
        return {"over": self._over, "epoch": self._epoch}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`get_extra_state`."""
        self._over, self._epoch = state["over"], state["epoch"]


def network_within(model: nn.Module) -> nn.Module:
    """The network itself, out of ``torch.compile`` and data parallelism."""
    while True:
        within = getattr(model, "_orig_mod", model)
        if isinstance(within, DistributedDataParallel | DataParallel):
            within = within.module
        if within is model:
            return model
        model = within


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
