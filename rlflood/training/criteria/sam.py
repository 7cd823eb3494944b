"""Sharpness-aware minimisation: the gradient is that of the worst place near the weights."""

import torch
from torch import Tensor, nn

from rlflood.training.criteria.base import Criterion, Forward
from rlflood.training.objectives import Batch

_LEAST_NORM = 1e-12


class SharpnessAware(Criterion):
    """SAM: the gradient of the cross-entropy at ``w + rho * g / |g|``, with ``g`` that at ``w``.

    Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR 2021,
    equations 2 and 3, with the strength as rho, 0.05 in the paper. A step costs two gradients. The norm is
    over all of a replica's own weights.

    Metrics and what a level is compared with are of the first pass, at ``w``; what a level turns is the
    second. Running statistics of batch normalisation are the first pass's; dropout draws for each pass.

    Args:
        network: What is trained.
        replicas: How many networks it holds: 1, or the first axis of its parameters.
        device: Where it is.
    """

    sample_wise = False

    def __init__(self, network: nn.Module, replicas: int, device: torch.device) -> None:
        super().__init__(replicas, device)
        self._network, self._replicas = network, replicas
        self._before: list[Tensor] = []

    def batch(self, forward: Forward, x: Tensor, labels: Tensor, samples: Tensor, epoch: int) -> Batch:
        """See :meth:`Criterion.batch`. It leaves the weights moved until :meth:`after_backward`."""
        logits = forward(x)
        plain = self.losses(logits, labels)
        weights = self._weights()
        gradients = torch.autograd.grad(plain.mean(1).sum(), weights)
        with torch.no_grad():
            self._before = [value.clone() for value in self._values()]
            self._move(weights, gradients)
        losses = self.losses(forward(x), labels)
        return Batch(x, logits.detach(), labels, losses, samples, epoch, plain.detach())

    @torch.no_grad()
    def after_backward(self) -> None:
        """Put weights and running statistics back."""
        for value, before in zip(self._values(), self._before, strict=True):
            value.copy_(before)

    def _weights(self) -> list[nn.Parameter]:
        return [weight for weight in self._network.parameters() if weight.requires_grad]

    def _values(self) -> list[Tensor]:
        return [*self._weights(), *self._network.buffers()]

    def _move(self, weights: list[nn.Parameter], gradients: tuple[Tensor, ...]) -> None:
        squares = [gradient.float().square().reshape(self._replicas, -1).sum(1) for gradient in gradients]
        step = self.strength / (torch.stack(squares).sum(0).sqrt() + _LEAST_NORM)
        for weight, gradient in zip(weights, gradients, strict=True):
            # one network's parameters have no axis of replicas
            own = step[0] if self._replicas == 1 else step.view(-1, *[1] * (weight.dim() - 1))
            weight.add_(own * gradient)
