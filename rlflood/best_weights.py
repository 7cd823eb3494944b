"""The weights of the best validation, kept and put back, in a training loop of one's own."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from rlflood.weight_average import network_within


class BestWeights:
    """A copy of a network's weights and buffers at its best validation accuracy; ties go to the lower loss.

    Early stopping keeps the best of what is trained; ``BestWeights(average.module)`` keeps the best average::

        best = BestWeights(model)
        for epoch in range(epochs):
            ...
            best.step(val_acc=..., val_loss=...)
            if scheduler.returns:
                best.put_back()

    Args:
        model: The network; of a compiled or data-parallel one the network within.

    Attributes:
        weights: The copies by name, as ``model.load_state_dict`` takes them; empty before the first.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = network_within(model)
        self.weights: dict[str, Any] = {}
        self._accuracy, self._loss = -math.inf, math.inf

    def step(self, *, val_acc: float | Tensor, val_loss: float | Tensor) -> bool:
        """Report the validation of the network as it is now; keep it if it is better than ever.

        Args:
            val_acc: Validation accuracy.
            val_loss: Validation loss. A network whose loss is not finite has diverged and is never the best.

        Returns:
            Whether it was.
        """
        accuracy, loss = float(val_acc), float(val_loss)
        if not math.isfinite(loss) or not (accuracy, -loss) > (self._accuracy, -self._loss):
            return False
        self._accuracy, self._loss = accuracy, loss
        self.weights = {}  # never two copies at once
        self.weights = _copied(self._model.state_dict())
        return True

    def put_back(self) -> bool:
        """Give the network its best weights back; without any it stays as it is.

        Captured graphs and the optimizer, whose state stays, go on with it.

        Returns:
            Whether there were any.
        """
        if self.weights:
            self._model.load_state_dict(self.weights)
        return bool(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Copies of all of it; ``torch.load(weights_only=True)`` reads it."""
        return {"weights": _copied(self.weights), "accuracy": self._accuracy, "loss": self._loss}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self.weights = _copied(state["weights"])
        self._accuracy, self._loss = state["accuracy"], state["loss"]


def _copied(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)
        for name, value in weights.items()
    }
