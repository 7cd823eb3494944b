"""What a scheduler was told and had decided, epoch by epoch: to look at; no rule goes by it."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Values
from rlflood.schedulers.reports import METRICS, Rows
from rlflood.state import Stateful

_COLUMNS = ("level", "strength", *METRICS, "begins", "returns")

MISSING = -1.0
"""In a saved history: no column has negative values."""


class Decided(Protocol):
    """What a scheduler has said of the epoch that is being trained."""

    @property
    def epoch(self) -> int:
        """Epochs that were reported before."""
        ...

    @property
    def level(self) -> Values:
        """That it is trained at."""
        ...

    @property
    def strength(self) -> Values | None:
        """Of the criterion."""
        ...

    @property
    def begins(self) -> Any:
        """Whether an average begins with it."""
        ...

    @property
    def returns(self) -> Any:
        """Whether the best weights were put back before it."""
        ...


class History(Stateful):
    """Each epoch's level, and what was reported of it: arrays to read, copies each time they are asked for.

    ``scheduler.history`` of every scheduler. An epoch costs one small array in memory, and nothing on a
    device. Shapes are ``(epochs,)``, or ``(epochs, replicas)`` where metrics come as arrays.

    It is part of a scheduler's state. One that goes on from a state without it, as those of version 0.1 are,
    begins its history there: :attr:`epoch` says where.
    """

    _state = ("epoch", *_COLUMNS)

    def __init__(self) -> None:
        self._first = 1
        self._epochs: list[NDArray[np.float64]] = []  # the columns of each epoch

    def add(self, decided: Decided, rows: Rows, shape: tuple[int, ...]) -> None:
        """Take in an epoch, before anything is decided about the next one; for schedulers alone.

        Args:
            decided: The scheduler.
            rows: The metrics, NaN where there was no validation.
            shape: In which they were reported: ``()`` or ``(replicas,)``.
        """
        if not self._epochs:
            self._first = decided.epoch + 1
        strength = np.nan if decided.strength is None else decided.strength
        said = (decided.level, strength, *rows, decided.begins, decided.returns)
        columns = np.array([np.broadcast_to(value, rows.shape[1:]) for value in said], np.float64)
        self._epochs.append(columns.reshape(-1, *shape))

    def __len__(self) -> int:
        return len(self._epochs)

    def __repr__(self) -> str:
        return f"History(epochs={len(self)})"

    @property
    def epoch(self) -> NDArray[np.int64]:
        """The numbers of the epochs, the first of a run being 1: shape ``(epochs,)`` always."""
        return np.arange(self._first, self._first + len(self))

    @property
    def level(self) -> NDArray[np.float64]:
        """The flood level that the epoch was trained at, in nats."""
        return self._column("level")

    @property
    def strength(self) -> NDArray[np.float64]:
        """The strength of the criterion in the epoch; NaN of schedulers that set none."""
        return self._column("strength")

    @property
    def train_loss(self) -> NDArray[np.float64]:
        """As reported, in nats, raw."""
        return self._column("train_loss")

    @property
    def train_acc(self) -> NDArray[np.float64]:
        """As reported, 0 to 1."""
        return self._column("train_acc")

    @property
    def val_loss(self) -> NDArray[np.float64]:
        """As reported, in nats; NaN after an epoch without validation."""
        return self._column("val_loss")

    @property
    def val_acc(self) -> NDArray[np.float64]:
        """As reported, 0 to 1; NaN after an epoch without validation."""
        return self._column("val_acc")

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Whether an average of the weights began with the epoch."""
        return self._column("begins").astype(bool)

    @property
    def returns(self) -> NDArray[np.bool_]:
        """Whether the scheduler asked for the best weights before the epoch."""
        return self._column("returns").astype(bool)

    def state_dict(self) -> dict[str, Any]:
        """All of it, in lists; :data:`MISSING` for NaN, with which no state would equal itself."""
        columns = {name: self._column(name) for name in _COLUMNS}
        lists = {name: np.where(np.isnan(column), MISSING, column) for name, column in columns.items()}
        return {"epoch": self.epoch.tolist(), **{name: column.tolist() for name, column in lists.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Raises:
            ValueError: if the columns are not of one shape. Nothing has changed then.
        """
        epochs = np.asarray(state["epoch"], np.int64)
        # ValueError, too, where the columns differ in shape
        columns = np.array([np.asarray(state[name], np.float64) for name in _COLUMNS])
        columns[columns == MISSING] = np.nan
        first = int(epochs[0]) if epochs.size else 1
        if columns.ndim not in (2, 3) or columns.shape[1:2] != epochs.shape or first < 1:
            raise ValueError(
                f"a history of shape {columns.shape[1:]} for {epochs.size} epochs from {first} on"
            )
        self._first, self._epochs = first, list(columns.swapaxes(0, 1))

    def _column(self, name: str) -> NDArray[np.float64]:
        place = _COLUMNS.index(name)
        return np.array([columns[place] for columns in self._epochs], np.float64)
