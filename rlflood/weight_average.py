"""The mean of the weights along a run, in a training loop of one's own."""

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, update_bn

from rlflood.errors import InputError

AVERAGE_SHARE = 0.02
"""Of the steps of a run: what the exponential average goes back. Of 0.01, 0.02, 0.05 and 0.1 the one whose
best checkpoint is best without flooding (docs/results/many-steps.md)."""

Places = list[tuple[dict[str, Any], str]]
"""Where a module has its tensors: they may be replaced there, as by ``to()``."""


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
        # not the network itself, which would be a part of this module; and to go through modules takes longer
        # than to average a small network
        self._own, self._source = _places(self.module), _places(source)
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
        self._take(self._source)

    def begin(self) -> None:
        """Let the mean begin with the next step, and be plain from then on."""
        self.n_averaged.zero_()
        self._over = math.inf

    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights of a network: :meth:`update` does, those of the one that is trained."""
        self._take(_places(model))

    @torch.no_grad()
    def _take(self, places: Places) -> None:
        # PyTorch's own sends the count to the device in each step, and waits for that
        share = 1 / min(int(self.n_averaged.add_(1)), self._over)
        floats: dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
        for (owner, name), (source, source_name) in zip(self._own, places, strict=True):
            mean, value = owner[name], source[source_name]
            if mean.is_floating_point() or mean.is_complex():
                device = mean.device
                means, values = floats.setdefault((device, mean.dtype), ([], []))
                means.append(mean)
                values.append(value if value.device == device else value.to(device))
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
        device = next((owner[name].device for owner, name in self._own), None)
        update_bn(loader, self.module, device)

    def get_extra_state(self) -> dict[str, Any]:
        """What its ``state_dict`` has beside the mean, in plain numbers."""
        return {"over": self._over, "epoch": self._epoch}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`get_extra_state`."""
        self._over, self._epoch = state["over"], state["epoch"]


def steps_of_average(steps: int) -> float:
    """What the exponential average of a run of so many steps goes back, in steps: 1 or more."""
    return max(1.0, AVERAGE_SHARE * steps)


def network_within(model: nn.Module) -> nn.Module:
    """The network itself, out of ``torch.compile`` and data parallelism."""
    while True:
        within = getattr(model, "_orig_mod", model)
        if isinstance(within, DistributedDataParallel | DataParallel):
            within = within.module
        if within is model:
            return model
        model = within


def _places(model: nn.Module) -> Places:
    """Of its parameters, then of its buffers; of one that is shared the first."""
    places: dict[int, tuple[dict[str, Any], str]] = {}
    for kind in ("_parameters", "_buffers"):
        for module in model.modules():
            owner = getattr(module, kind)
            for name, value in owner.items():
                if value is not None:
                    places.setdefault(id(value), (owner, name))
    return list(places.values())
