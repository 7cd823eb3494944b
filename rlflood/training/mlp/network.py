"""Many multilayer perceptrons as one stacked network."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rlflood.training.mlp.dropout import StackedDropout
from rlflood.training.objectives import Replicas


class StackedMLP(Replicas):
    """``replicas`` multilayer perceptrons of the same hidden widths, evaluated together.

    Each layer's weights are one tensor of shape ``(replicas, in, out)``. Replicas may have different
    numbers of inputs and classes: inputs are padded with zeros, the logits of classes that a replica
    does not have are held at the lowest float, so that neither changes a loss, a gradient or an accuracy.
    Initialisation and batch normalisation are those of ``torch.nn.Linear`` and ``torch.nn.BatchNorm1d``.

    Args:
        features: Inputs of each replica.
        classes: Classes of each replica.
        hidden: Width of each hidden layer.
        seeds: Seed of each replica's initialisation and dropout.
        batch_norm: Batch normalisation before each ReLU.
        dropout: Probability of each hidden unit to be dropped, after each ReLU.
    """

    _lowest: Tensor | None

    def __init__(
        self,
        features: Sequence[int],
        classes: Sequence[int],
        hidden: Sequence[int],
        seeds: Sequence[int],
        *,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.features, self.classes, self.hidden = tuple(features), tuple(classes), tuple(hidden)
        self.replicas = len(self.features)
        sizes = (max(self.features), *self.hidden, max(self.classes))
        weights = [torch.zeros(self.replicas, a, b) for a, b in pairwise(sizes)]
        biases = [torch.zeros(self.replicas, 1, b) for b in sizes[1:]]
        drawn: dict[tuple[int, int, int], int] = {}  # siblings in a group share an initialisation
        for i, key in enumerate(zip(self.features, self.classes, seeds, strict=True)):
            first = drawn.setdefault(key, i)
            if first == i:
                self._initialise(i, seeds[i], weights, biases)
            else:
                for stack in (*weights, *biases):
                    stack[i] = stack[first]
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        self.norms = nn.ModuleList(_StackedBatchNorm(self.replicas, w) for w in self.hidden if batch_norm)
        self.dropout = StackedDropout(seeds, dropout) if dropout else None
        mask = torch.zeros(self.replicas, 1, sizes[-1])
        for i, count in enumerate(self.classes):
            mask[i, :, count:] = torch.finfo(torch.float32).min
        self.register_buffer("_lowest", mask if mask.any() else None, persistent=False)

    def _sizes(self, replica: int) -> tuple[int, ...]:
        return (self.features[replica], *self.hidden, self.classes[replica])

    def _initialise(self, replica: int, seed: int, weights: list[Tensor], biases: list[Tensor]) -> None:
        generator = torch.Generator().manual_seed(seed)
        sizes = self._sizes(replica)
        for weight, bias, fan_in, fan_out in zip(weights, biases, sizes[:-1], sizes[1:], strict=True):
            bound = 1 / sqrt(fan_in)
            weight[replica, :fan_in, :fan_out].uniform_(-bound, bound, generator=generator)
            bias[replica, :, :fan_out].uniform_(-bound, bound, generator=generator)

    @property
    def own_classes(self) -> Tensor:
        """Which classes each replica has: bool of shape ``(replicas, 1, classes)``."""
        if self._lowest is None:
            shape = (self.replicas, 1, max(self.classes))
            return torch.ones(shape, dtype=torch.bool, device=self.weights[0].device)
        return self._lowest == 0

    def begin_epoch(self, epoch: int) -> None:
        """Begin the dropout masks of an epoch, from 0."""
        if self.dropout is not None:
            self.dropout.begin_epoch(epoch)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape ``(replicas, samples, classes)`` for ``x`` of shape ``(replicas, samples, in)``."""
        for layer in range(len(self.hidden)):
            x = torch.baddbmm(self.biases[layer], x, self.weights[layer])
            if self.norms:
                x = self.norms[layer](x)
            x = F.relu(x, inplace=True)
            if self.dropout is not None:
                x = self.dropout(x)
        # with batch normalisation, which costs more than the last layer, it would gain little
        if x.device.type == "cpu" and not self.norms and not torch.is_autocast_enabled("cpu"):
            logits: Tensor = _FewColumns.apply(x, self.weights[-1], self.biases[-1])
        else:
            logits = torch.baddbmm(self.biases[-1], x, self.weights[-1])
        logits = logits.float()  # log-softmax and the loss stay in float32 under autocast
        return logits if self._lowest is None else logits + self._lowest

    def module(self, replica: int) -> nn.Sequential:
        """A copy of one replica as an ordinary ``nn.Sequential`` of Linear, BatchNorm1d, ReLU and Dropout."""
        layers: list[nn.Module] = []
        sizes = self._sizes(replica)
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            linear = nn.Linear(fan_in, fan_out)
            with torch.no_grad():
                linear.weight.copy_(self.weights[layer][replica, :fan_in, :fan_out].T)
                linear.bias.copy_(self.biases[layer][replica, 0, :fan_out])
            layers.append(linear)
            if layer < len(self.hidden):
                if self.norms:
                    layers.append(self.norms[layer].module(replica))  # type: ignore[operator]
                layers.append(nn.ReLU())
                if self.dropout is not None:
                    layers.append(nn.Dropout(self.dropout.p))
        return nn.Sequential(*layers)


class _FewColumns(torch.autograd.Function):
    """``baddbmm(bias, x, weight)`` computed as its transpose, forward and backward.

    A processor's matrix product is up to six times slower where the result has only a few columns, as the
    logits and the gradient of their weights do, than where it has only a few rows (docs/results/speed.md).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        transposed = weight.mT.contiguous()
        ctx.save_for_backward(x, transposed)
        return torch.baddbmm(bias.mT, transposed, x.mT).mT

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, transposed = ctx.saved_tensors
        rows = gradient.mT.contiguous()
        return torch.bmm(gradient, transposed), torch.bmm(rows, x).mT, rows.sum(2, keepdim=True).mT


class _StackedBatchNorm(nn.Module):
    """Batch normalisation of each replica by itself: replicas and units are one axis of channels."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, replicas: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(replicas, width))
        self.bias = nn.Parameter(torch.zeros(replicas, width))
        self.register_buffer("running_mean", torch.zeros(replicas, width))
        self.register_buffer("running_var", torch.ones(replicas, width))

    def forward(self, x: Tensor) -> Tensor:
        replicas, samples, width = x.shape
        channels = x.transpose(0, 1).reshape(samples, replicas * width)
        normed = F.batch_norm(
            channels,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            self.training,
        )
        return normed.view(samples, replicas, width).transpose(0, 1)

    def module(self, replica: int) -> nn.BatchNorm1d:
        norm = nn.BatchNorm1d(self.weight.shape[1])
        with torch.no_grad():
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(norm, name).copy_(getattr(self, name)[replica])
        return norm
