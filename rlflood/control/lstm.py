"""The memory of a recurrent controller: an LSTM cell in NumPy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LSTM:
    """Long short-term memory, as ``torch.nn.LSTM`` computes it (one layer).

    Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000. A memory is a float64 array
    of shape ``(replicas, 2, units)``: what the cell gives out, and what it keeps. It is computed in float64,
    so that the state of a scheduler, which holds it, is exact.

    Attributes:
        weight_ih: From the inputs, shape ``(4 * units, inputs)``, float32; its blocks of rows are the input
            gate, the forget gate, the cell and the output gate.
        weight_hh: From what the cell gave out, shape ``(4 * units, units)``, float32.
        bias: Shape ``(4 * units,)``, float32; the sum of PyTorch's two.

    Raises:
        ValueError: if the shapes don't fit each other, or a weight is not float32 or not finite.
    """

    weight_ih: NDArray[np.float32]
    weight_hh: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __post_init__(self) -> None:
        parts = (self.weight_ih, self.weight_hh, self.bias)
        rows = self.bias.size
        shapes_fit = (
            self.weight_ih.ndim == 2
            and rows > 0
            and rows % 4 == 0
            and self.bias.shape == self.weight_ih.shape[:1]
            and self.weight_hh.shape == (rows, rows // 4)
        )
        if not shapes_fit:
            shapes = ", ".join(str(part.shape) for part in parts)
            raise ValueError(f"the memory has weights and a bias of shapes {shapes}, which do not fit")
        if not all(part.dtype == np.float32 for part in parts):
            raise ValueError(
                f"the memory is of type {', '.join(str(part.dtype) for part in parts)}, not float32"
            )
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("the memory has weights that are not finite")
        for name in ("weight_ih", "weight_hh", "bias"):  # one layout, as in Controller
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name)))

    @property
    def inputs(self) -> int:
        """How many features it takes in."""
        return int(self.weight_ih.shape[1])

    @property
    def units(self) -> int:
        """How many numbers it gives out."""
        return int(self.weight_hh.shape[1])

    def blank(self) -> NDArray[np.float64]:
        """The memory at the start of a run, shape ``(1, 2, units)``: the same for any number of replicas."""
        return np.zeros((1, 2, self.units))

    def step(self, inputs: NDArray[np.float32], memory: NDArray[np.float64]) -> NDArray[np.float64]:
        """The memory after ``inputs`` of shape ``(replicas, inputs)``."""
        gates = inputs @ self.weight_ih.T.astype(np.float64) + memory[:, 0] @ self.weight_hh.T + self.bias
        take, keep, new, give = np.split(gates, 4, axis=1)
        kept = _sigmoid(keep) * memory[:, 1] + _sigmoid(take) * np.tanh(new)
        return np.stack([_sigmoid(give) * np.tanh(kept), kept], axis=1)


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1 + np.tanh(0.5 * x))  # without the overflow of exp(-x)
