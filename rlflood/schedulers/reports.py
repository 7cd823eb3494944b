"""What is reported of a run: checked before it is believed, and carried over gaps."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.metrics import Metrics
from rlflood.state import Stateful


class OwnArray(Protocol):
    """An array of PyTorch, JAX or whichever library."""

    def __array__(self) -> Any:
        """The same in NumPy."""
        ...


MetricLike: TypeAlias = float | Sequence[float] | np.number[Any] | NDArray[Any] | OwnArray
"""A number, or one for each replica, as Python, NumPy, PyTorch, JAX... has it."""
Rows = NDArray[np.float64]
"""Train loss, train accuracy, validation loss, validation accuracy: shape ``(4, replicas)``."""

METRICS = ("train_loss", "train_acc", "val_loss", "val_acc")
"""The names of the rows."""

FLOODED = (
    "The train loss that is reported is the flooded one, which is never below the level and says nothing. "
    "Report the loss before the scheduler's call, not what the call returns."
)
"""What is told where :meth:`Reports.is_flooded`."""

NOT_GIVEN: Any = object()
"""For a metric that was left out, which is a mistake; None says that there is none."""

SEVERAL = 3
"""Epochs in a row after which a metric that is not finite is what the run has come to, not a slip."""
NEVER_BELOW = 20
"""Flooded epochs without a train loss below the level from which on it may be the flooded one.

In full batch a raw loss is below in a quarter to a half of them. In mini-batches an epoch's mean may stay
above although its batches go to and fro, so the losses themselves have to bear it out.
"""
_HIGHEST = np.array([[np.inf], [1.0], [np.inf], [1.0]])  # of the rows; the lowest is 0 for all
_ROUNDING = 1e-6  # what a mean of float32 numbers may lie beyond its bounds
_NO_ROUNDING = 1e-3  # the share of a level by which no rounding of a batch's loss moves an epoch's mean


def named_metrics(
    named: Mapping[str, Any], metrics: Metrics | None, *, needs_validation: bool
) -> Mapping[str, Any]:
    """The four metrics by name, however they were given.

    Args:
        named: By name, :data:`NOT_GIVEN` for those that were left out.
        metrics: All of them, instead.
        needs_validation: Whether the validation's two have to be given, as None where there is none.

    Raises:
        TypeError: if some are missing, both ways were used, or one is None that may not be.
    """
    given = [name for name, value in named.items() if value is not NOT_GIVEN]
    if metrics is not None:
        if given:
            raise TypeError(f"step() takes a Metrics or the four metrics by name, not both ({given}).")
        return {name: getattr(metrics, name) for name in METRICS}
    if not needs_validation and not {"val_loss", "val_acc"} & set(given):
        named = {**named, "val_loss": None, "val_acc": None}
        given = [*given, "val_loss", "val_acc"]
    missing = [name for name in named if name not in given]
    if missing:
        raise TypeError(f"step() needs all four metrics; {missing} missing.")
    for name in ("train_loss", "train_acc"):
        if named[name] is None:
            raise TypeError(f"step() needs {name}: only the validation's two metrics may be None.")
    if (named["val_loss"] is None) != (named["val_acc"] is None):
        raise TypeError("step() needs both val_loss and val_acc, or None for both: there was no validation.")
    return named


def metric_rows(
    named: Mapping[str, MetricLike | None], known: tuple[int, ...] | None, validated: bool
) -> tuple[Rows, tuple[int, ...]]:
    """The metrics, checked, and the shape in which they came.

    Args:
        named: All four by name; those of the validation None if there was none.
        known: The shape of those before; None for the first.
        validated: Whether there was a validation.

    Raises:
        ValueError: if the shapes differ from each other or from ``known``; as :func:`checked_metrics`.
    """
    arrays = {name: to_array(value) for name, value in named.items() if value is not None}
    shapes = {name: array.shape for name, array in arrays.items()}
    shape = shapes[METRICS[0]]
    if len(shape) > 1 or len(set(shapes.values())) > 1:
        raise ValueError(f"The metrics must all be numbers or all have shape (replicas,), not {shapes}.")
    if known not in (None, shape):
        raise ValueError(f"The metrics have shape {shape}, but this run has had {known} so far.")
    missing = np.full(shape, np.nan)
    rows = np.stack([np.atleast_1d(arrays.get(name, missing)) for name in METRICS])
    return checked_metrics(rows), shape


def to_array(value: MetricLike) -> NDArray[np.float64]:
    """A float64 copy of a number, array or tensor, from whatever device."""
    if (detach := getattr(value, "detach", None)) is not None:  # PyTorch's
        value = detach().cpu().double().numpy()
    return np.array(value, dtype=np.float64)


def checked_metrics(rows: Rows) -> Rows:
    """The metrics, rounding beyond their bounds taken away.

    Raises:
        ValueError: if an accuracy is not a share, a loss is negative, or an accuracy is not finite where the
            loss of the same split is.
    """
    for name, values, highest in zip(METRICS, rows, _HIGHEST, strict=True):
        beyond = (values < -_ROUNDING) | (values > highest + _ROUNDING)
        wrong = values[np.isfinite(values) & beyond]
        if wrong.size and name.endswith("acc"):
            percent = " Percentages are 100 times too large: divide them by 100." if wrong[0] > 1 else ""
            raise ValueError(f"{name} is {wrong[0]:g}, but an accuracy is a share from 0 to 1.{percent}")
        if wrong.size:
            raise ValueError(
                f"{name} is {wrong[0]:g}, but flooding is for losses that are never negative: report the "
                "cross-entropy itself, without terms that may be below 0."
            )
    for loss, accuracy in ((0, 1), (2, 3)):
        lacking = np.isfinite(rows[loss]) & ~np.isfinite(rows[accuracy])
        if lacking.any():
            place = int(np.argmax(lacking))
            raise ValueError(
                f"{METRICS[accuracy]} is {rows[accuracy, place]:g} where {METRICS[loss]} is "
                f"{rows[loss, place]:g}: report both of the same samples (is the split empty?)."
            )
    return np.where(np.isfinite(rows), np.clip(rows, 0.0, _HIGHEST), rows)


class Reports(Stateful):
    """The metrics of a run as a scheduler should take them, for each replica by itself.

    A metric that is not finite stands for the last one that was, until it has been so for :data:`SEVERAL`
    epochs in a row: one slip decides nothing, a run that is lost is taken for lost. Before there was a finite
    one it is passed on as it is.
    """

    _state = ("_last", "_missed", "_not_below")

    def __init__(self) -> None:
        self._last: Rows = np.full((4, 1), np.inf)  # where none was finite yet
        self._missed: NDArray[np.int64] = np.zeros((4, 1), np.int64)
        self._not_below: NDArray[np.int64] = np.zeros(1, np.int64)  # -1 once it has been below

    def taken(self, rows: Rows, *, validated: bool) -> Metrics:
        """Take in the metrics of an epoch.

        Args:
            rows: As :func:`checked_metrics` gives them.
            validated: Whether there was a validation; if not, no epoch of its metrics counts as missed.
        """
        finite = np.isfinite(rows)
        counts = np.array([[True], [True], [validated], [validated]])
        self._missed = np.where(finite, 0, self._missed + counts)
        held = ~finite & np.isfinite(self._last) & (self._missed < SEVERAL)
        rows = np.where(held, self._last, rows)
        self._last = np.where(np.isfinite(rows), rows, self._last)
        return Metrics(*rows.copy())

    @property
    def in_doubt(self) -> bool:
        """Whether the next epoch may show that flooded losses are reported: then its batches are wanted."""
        return bool((self._not_below >= NEVER_BELOW - 1).any())

    def is_flooded(
        self,
        train_loss: NDArray[np.float64],
        level: NDArray[np.float64],
        losses: NDArray[np.float64],
        flooded_losses: NDArray[np.float64],
    ) -> bool:
        """Whether it is time to say that flooded losses are reported as train losses; once in a run.

        Args:
            train_loss: As reported.
            level: That it was trained at.
            losses: Of the epoch's mini-batches, before flooding, shape ``(batches, replicas)``. Without any
                there is nothing to go by, and nothing is said.
            flooded_losses: The same after flooding.
        """
        flooded = (level > 0) & np.isfinite(train_loss)
        below = flooded & (train_loss < level)
        self._not_below = np.where(below | (self._not_below < 0), -1, self._not_below + flooded)
        doubtful = self._not_below >= NEVER_BELOW
        if not doubtful.any() or not len(losses):
            return False
        gap = flooded_losses.mean(axis=0) - losses.mean(axis=0)
        if not (told := doubtful & (gap > _NO_ROUNDING * level)).any():
            return False  # no batch was below: an epoch that tells nothing
        # an epoch's mean may weigh its last batch less than these means do: as near as a quarter of the gap
        named = np.abs(train_loss - losses.mean(axis=0) - gap) < gap / 4
        self._not_below = np.full_like(self._not_below, -1)
        return bool((told & named).any())
