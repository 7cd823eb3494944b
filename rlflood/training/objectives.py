"""What is differentiated: flooding, and the rivals that it is compared with.

The trainer calls an objective on every mini-batch and differentiates the sum over the replicas of what it
returns. Replicas must not mix: entry ``i`` may depend on row ``i`` of the batch alone.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rlflood.flooding import flood, individual_flood, soft_ascent_descent
from rlflood.held_level import HeldLevel
from rlflood.holding import Hold

Losses: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Given network, inputs and labels, the training criterion of each sample: ``(replicas, samples)``."""


class Replicas(nn.Module):
    """One network, or many evaluated together: what an objective may ask of them.

    Attributes:
        replicas: How many.
    """

    replicas: int

    @property
    def own_classes(self) -> Tensor:
        """Which classes each replica has: bool of shape ``(replicas, 1, classes)``."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Batch:
    """A mini-batch of every replica, after the forward pass.

    Attributes:
        x: Inputs, shape ``(replicas, samples, features)``, or that of images instead of features.
        logits: float32 with graph, shape ``(replicas, samples, classes)``; the lowest float for classes
            that a replica does not have.
        labels: Class numbers, shape ``(replicas, samples)``.
        losses: The training criterion of each sample, with graph, shape ``(replicas, samples)``.
        samples: The samples' numbers within the training split, shape ``(replicas, samples)``.
        epoch: The epoch, from 0.
        plain: Under a criterion other than the cross-entropy, the cross-entropy of each sample in nats,
            without graph: what levels are compared with. None if the losses are that.
        rest: A term of the criterion that no level turns, with graph, shape ``(replicas,)``; None without.
    """

    x: Tensor
    logits: Tensor
    labels: Tensor
    losses: Tensor
    samples: Tensor
    epoch: int
    plain: Tensor | None = None
    rest: Tensor | None = None


class Objective(ABC):
    """What a trainer differentiates in place of the mean loss."""

    def attach(self, network: Replicas, losses: Losses) -> None:  # noqa: B027
        """Called once by the trainer, before its first epoch and with the network on its device.

        Args:
            network: The network that is trained.
            losses: The trainer's criterion in the trainer's precision, for networks of the objective's own.
        """

    @abstractmethod
    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The objective of each replica, shape ``(replicas,)``.

        Args:
            batch: The mini-batch.
            level: Flood level of each replica, shape ``(replicas,)``.
        """

    def after_step(self) -> None:  # noqa: B027
        """Called after each step of the optimizer."""

    def forget(self, which: Tensor) -> None:  # noqa: B027
        """Called when replicas have been given other weights, bool of shape ``(replicas,)``."""

    def levels(self) -> Tensor | None:
        """Mean level of each replica in the last epoch, ``(replicas,)``; None if it was the one given."""
        return None

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs: copies, each with one entry a replica along the first axis."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:  # noqa: B027
        """Go on from what :meth:`state_dict` returned."""


MakeObjective: TypeAlias = Callable[[NDArray[np.int64]], Objective]
"""Given the numbers of the replicas that are trained together, shape ``(replicas,)``, their objective."""


class Flooding(Objective):
    """Flooding of the batch's mean loss, as Ishida et al., ICML 2020, hold it or on a running mean.

    Args:
        hold: How levels are held.
    """

    held: HeldLevel

    def __init__(self, hold: Hold = Hold()) -> None:
        self.hold = hold

    def attach(self, network: Replicas, losses: Losses) -> None:
        """Begin the running means."""
        self.held = HeldLevel(self.hold, (network.replicas,), next(network.parameters()).device)

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The flooded loss and, unflooded, what the criterion has besides."""
        plain = None if batch.plain is None else batch.plain.mean(1)
        flooded = self.held(batch.losses.mean(1), level, plain)
        return flooded if batch.rest is None else flooded + batch.rest

    def forget(self, which: Tensor) -> None:
        """Begin the running means of some replicas anew."""
        self.held.forget(which)

    def state_dict(self) -> dict[str, Tensor]:
        """The running means."""
        return self.held.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over running means."""
        self.held.load_state_dict(state)


class IndividualFlooding(Objective):
    """Flooding of each sample: iFlood, Xie et al., ICLR 2022."""

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """See :func:`rlflood.flooding.individual_flood`."""
        return individual_flood(batch.losses, level)


class SoftAscentDescent(Objective):
    """Soft ascent-descent of each sample: SoftAD, Holland and Nakatani, NeurIPS 2024.

    Args:
        sigma: Width of the transition, in nats; positive.
    """

    def __init__(self, sigma: float = 1.0) -> None:
        self._sigma = sigma

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """See :func:`rlflood.flooding.soft_ascent_descent`."""
        return soft_ascent_descent(batch.losses, level, self._sigma)


class RelaxLoss(Objective):
    """Flooding in even epochs, posterior flattening in odd ones: Chen, Yu and Fritz, ICLR 2022, algorithm 1.

    The level is the paper's alpha. In odd epochs a batch above it is descended on; on one at or below it the
    target of each sample becomes the network's own probability ``p`` on the true class and
    ``(1 - p) / (classes - 1)`` on each of the others, a constant. With two classes that is the prediction
    itself and has no gradient.

    The authors' code (github.com/DingfanChen/RelaxLoss) has two versions. This is that for tables, which
    flattens every sample as the paper does; that for images ascends on every sample and flattens the wrongly
    classified. Their code leaves the target in the graph, where it sharpens the posterior again, and can cap
    ``p``; the paper does neither.
    """

    _own_classes: Tensor

    def attach(self, network: Replicas, losses: Losses) -> None:
        """Note which classes each replica has."""
        self._own_classes = network.own_classes

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The flooded, plain or flattened loss of each replica."""
        mean = batch.losses.mean(1)
        if batch.epoch % 2 == 0:
            return flood(mean, level)
        return torch.where(mean > level, mean, self._flattened(batch))

    def _flattened(self, batch: Batch) -> Tensor:
        # classes that a replica does not have would add 0 times the lowest float
        logs = batch.logits.log_softmax(-1).masked_fill(~self._own_classes, 0)
        true = logs.gather(-1, batch.labels[..., None]).squeeze(-1)
        p = true.detach().exp()
        others = (logs.sum(-1) - true) / (self._own_classes.sum(-1) - 1)
        return -(p * true + (1 - p) * others).mean(1)


class _OwnLevel(Objective):
    """An objective that sets its level itself; its mean is weighted by samples, as the training loss is."""

    _epoch: int | None = None
    _sum: Tensor
    _samples: int

    def _note(self, level: Tensor, batch: Batch) -> None:
        if batch.epoch != self._epoch:
            self._epoch, self._sum, self._samples = batch.epoch, torch.zeros_like(level), 0
        self._sum += level * batch.losses.shape[1]
        self._samples += batch.losses.shape[1]

    def levels(self) -> Tensor | None:
        """Mean level of each replica over the samples of the last epoch; None before the first."""
        return None if self._epoch is None else self._sum / self._samples

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Forget the last epoch, which may be trained again."""
        self._epoch = None


class WaveBound(_OwnLevel):
    """Flooding at the loss of the averaged network: Cho et al., NeurIPS 2022.

    The level of a batch is ``b``, the loss of an exponential moving average of the network on the same batch,
    in evaluation mode, less epsilon; what is differentiated is ``|L - b| + b``. Parameters are averaged,
    buffers copied. The paper bounds each output of a forecast; a classifier has one loss.

    Epsilon is the ``level`` given, and should be positive: at 0 a network without dropout or batch
    normalisation begins at its level and stays there. :meth:`levels` reports ``max(b, 0)``: a level
    below 0 changes nothing.

    Args:
        decay: Weight of the old average in each step, from 0 to 1.
    """

    _network: Replicas
    _average: Replicas
    _losses: Losses

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay <= 1:
            raise ValueError(f"decay must lie between 0 and 1: got {decay}")
        self._decay = decay

    def attach(self, network: Replicas, losses: Losses) -> None:
        """Begin the average as a copy of the network."""
        self._network, self._losses = network, losses
        self._average = copy.deepcopy(network).requires_grad_(False).eval()

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The loss flooded at that of the average, less ``level``."""
        with torch.no_grad():
            bound = self._losses(self._average, batch.x, batch.labels).mean(1) - level
            self._note(bound.clamp(min=0), batch)
        return flood(batch.losses.mean(1), bound)

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the average towards the network."""
        for mean, weight in zip(self._average.parameters(), self._network.parameters(), strict=True):
            mean.lerp_(weight, 1 - self._decay)
        for kept, buffer in zip(self._average.buffers(), self._network.buffers(), strict=True):
            kept.copy_(buffer)

    def state_dict(self) -> dict[str, Tensor]:
        """The average."""
        return {name: value.clone() for name, value in self._average.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over an average."""
        super().load_state_dict(state)
        self._average.load_state_dict(state)


class AdaptiveFlooding(_OwnLevel):
    """Flooding of each sample at its own level: AdaFlood, Bae et al., TMLR 2024.

    Sample ``i`` has the level ``-log((1 - g) * p_i + g)``, where ``p_i`` is the probability of its label
    under an auxiliary network that did not train on it (:class:`HeldOut`), and ``g`` is the ``level``
    given, from 0 to 1: at 1 nothing is flooded.

    Args:
        probabilities: ``p`` of each training sample, shape ``(replicas, samples)``.
    """

    def __init__(self, probabilities: Tensor) -> None:
        self._probabilities = probabilities.float()

    def attach(self, network: Replicas, losses: Losses) -> None:
        """Move the probabilities to the network's device.

        Raises:
            ValueError: if they are of another number of replicas.
        """
        self._probabilities = _on_device_of(network, self._probabilities)

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The mean over the samples of ``|l_i - b_i| + b_i``."""
        g = level[:, None]
        levels = -((1 - g) * self._probabilities.gather(1, batch.samples) + g).log()
        self._note(levels.mean(1), batch)
        return ((batch.losses - levels).abs() + levels).mean(1)


class HeldOut(Objective):
    """The mean loss over the samples that are not held out, whatever the level.

    It trains AdaFlood's auxiliary networks (Bae et al., TMLR 2024) on the other folds. A batch that is held
    out whole gives 0. Batch normalisation still sees the inputs, though not the labels, of what is held out.

    Args:
        held_out: bool, shape ``(replicas, samples)`` with the samples of the training split.
    """

    def __init__(self, held_out: Tensor) -> None:
        self._held_out = held_out

    def attach(self, network: Replicas, losses: Losses) -> None:
        """Move the mask to the network's device.

        Raises:
            ValueError: if it is of another number of replicas.
        """
        self._held_out = _on_device_of(network, self._held_out)

    def __call__(self, batch: Batch, level: Tensor) -> Tensor:
        """The mean loss over what is not held out."""
        held_out = self._held_out.gather(1, batch.samples)
        # not a product: 0 times an infinite loss is no number
        kept = batch.losses.masked_fill(held_out, 0)
        return kept.sum(1) / (~held_out).sum(1).clamp(min=1)


def _on_device_of(network: Replicas, values: Tensor) -> Tensor:
    if values.dim() != 2 or len(values) != network.replicas:
        raise ValueError(
            f"one row of samples a replica: got shape {tuple(values.shape)} for {network.replicas} replicas"
        )
    return values.to(next(network.parameters()).device)
