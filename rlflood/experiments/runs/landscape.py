"""The loss around the weights of a stack's networks: filter-normalised gradients and perturbations.

ReLU networks compute the same function at weights of very different size, so a gradient or a step means
little without the size of the weights it belongs to. H. Li et al., "Visualizing the loss landscape of neural
nets" (NeurIPS 2018, section 4) measure steps filter by filter. The filter of a fully connected layer is the
weights that lead to one of its units. As there, biases and batch normalisation's parameters stay as they are.

Everything is measured in evaluation mode: batch normalisation with its running statistics, no dropout. The
losses are plain cross-entropies in nats.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from rlflood.data import Split
from rlflood.metrics import Array
from rlflood.training import StackedMLP
from rlflood.training.precision import autocast

# inputs and activations of one pass, all layers together, stay below this many numbers
_CHUNK = 64_000_000
_DIRECTION_STREAM = 1  # keeps a network's direction apart from all else that is drawn from its seed


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """The samples of a split for each replica of a stack, on its device.

    Attributes:
        x: Inputs, shape ``(replicas, samples, features)``.
        y: Labels as they are, noise included, shape ``(replicas, samples)``.
        y_clean: Labels before noise, shape ``(replicas, samples)``.
        precision: Number format of forward and backward passes over them.
    """

    x: Tensor
    y: Tensor
    y_clean: Tensor
    precision: Literal["float32", "bfloat16"] = "float32"

    @classmethod
    def stacked(
        cls,
        splits: Sequence[Split],
        *,
        most: int | None = None,
        device: torch.device,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> "Samples":
        """The splits of the replicas, all of one size, or the first ``most`` samples of each."""
        x, y, y_clean = (
            torch.from_numpy(np.stack([getattr(split, name)[:most] for split in splits])).to(device)
            for name in ("x", "y", "y_clean")
        )
        return cls(x, y, y_clean, precision)

    def passes(
        self, network: StackedMLP, state: Mapping[str, Tensor] | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Logits, labels and clean labels, as many samples at a time as memory should hold."""
        network.eval()
        rows = max(1, _CHUNK // (network.replicas * (max(network.features) + sum(network.hidden))))
        for x, y, y_clean in zip(
            *(part.split(rows, 1) for part in (self.x, self.y, self.y_clean)), strict=True
        ):
            with autocast(self.precision, x.device):
                logits = network(x) if state is None else functional_call(network, dict(state), (x,))
            yield logits, y, y_clean


@torch.no_grad()
def evaluate(network: StackedMLP, samples: Samples, state: Mapping[str, Tensor] | None = None) -> Array:
    """Loss, accuracy and clean accuracy of each replica: shape ``(3, replicas)``.

    Args:
        network: The stack.
        samples: What the three are means over.
        state: Weights and buffers to take in place of the network's own.
    """
    sums = torch.zeros(3, network.replicas, device=samples.x.device)
    for logits, y, y_clean in samples.passes(network, state):
        predicted = logits.contiguous().argmax(-1)
        sums[0] += _cross_entropies(logits, y).sum(1)
        sums[1] += (predicted == y).sum(1)
        sums[2] += (predicted == y_clean).sum(1)
    means: Array = (sums / samples.y.shape[1]).double().cpu().numpy()
    return means


def gradient_norm(network: StackedMLP, samples: Samples) -> Array:
    """The l2 norm of the filter-normalised gradient of each replica's mean loss: shape ``(replicas,)``.

    The gradient of each filter is multiplied by the norm of the filter (T. Ishida et al., "Do we need
    zero training loss after achieving zero training error?", ICML 2020), which makes it the gradient with
    respect to changes counted in sizes of the filters. The norm is taken over the weights of all layers.
    """
    weights = list(network.weights)
    gradients = [torch.zeros_like(weight) for weight in weights]
    for logits, y, _ in samples.passes(network):
        # no replica's loss depends on another's weights: the gradient of the sum holds that of each
        total = _cross_entropies(logits, y).sum() / samples.y.shape[1]
        for gradient, part in zip(gradients, torch.autograd.grad(total, weights), strict=True):
            gradient += part
    squares = torch.zeros(network.replicas, device=samples.x.device)
    with torch.no_grad():
        for gradient, weight in zip(gradients, weights, strict=True):
            squares += (gradient * _filter_norms(weight)).square().sum((1, 2))
    norms: Array = squares.sqrt().double().cpu().numpy()
    return norms


def random_direction(network: StackedMLP, seeds: Sequence[int]) -> list[Tensor]:
    """A Gaussian direction for the weights of each replica, a function of its seed and its widths alone.

    Returns:
        A tensor of the shape of each layer's stacked weights, on their device, 0 where a replica has fewer
        inputs or classes than the stack.
    """
    direction = [torch.zeros(weight.shape) for weight in network.weights]
    for replica, seed in enumerate(seeds):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_DIRECTION_STREAM,)))
        widths = (network.features[replica], *network.hidden, network.classes[replica])
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            drawn = rng.standard_normal((fan_in, fan_out), dtype=np.float32)
            direction[layer][replica, :fan_in, :fan_out] = torch.from_numpy(drawn)
    return [part.to(weight.device) for part, weight in zip(direction, network.weights, strict=True)]


@torch.no_grad()
def perturbed_losses(
    network: StackedMLP,
    state: Mapping[str, Tensor],
    direction: Sequence[Tensor],
    alphas: Array,
    samples: Samples,
) -> Array:
    """The loss of each replica at ``weights + alpha * direction``: shape ``(replicas, alphas)``.

    Each filter of the direction is scaled to the norm of the filter it is added to (Li et al., section 4).

    Args:
        network: The network that ``state`` fits; its own weights play no part and stay as they are.
        state: Weights and buffers, as ``network.state_dict()`` has them.
        direction: As :func:`random_direction` gives it.
        alphas: Steps along the direction, in sizes of the filters.
        samples: What the loss is a mean over.
    """
    weights = {f"weights.{layer}": state[f"weights.{layer}"] for layer in range(len(direction))}
    steps = {
        name: F.normalize(part, dim=1) * _filter_norms(weight)
        for (name, weight), part in zip(weights.items(), direction, strict=True)
    }
    losses = []
    for alpha in alphas.tolist():
        moved = {name: weight + alpha * steps[name] for name, weight in weights.items()}
        losses.append(evaluate(network, samples, {**state, **moved})[0])
    return np.stack(losses, axis=1)


def _filter_norms(weight: Tensor) -> Tensor:
    """The norm of the weights that lead to each unit: ``(replicas, in, out)`` to ``(replicas, 1, out)``."""
    norms: Tensor = torch.linalg.vector_norm(weight, dim=1, keepdim=True)
    return norms


def _cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.mT, labels, reduction="none")
