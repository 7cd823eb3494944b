"""What a controller sets: the flood levels that its actions stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError

LevelUnit = Literal["absolute", "relative", "turning-point", "guessing"]


@dataclass(frozen=True, slots=True)
class LevelSet:
    """The discrete actions of an environment or a controller.

    Args:
        values: What each action stands for, in rising order from 0 or more.
        unit: ``absolute``: the level itself, in nats. ``relative``: a fraction of the best (lowest)
            validation loss of the run so far, which carries over between loss scales and class counts.
            ``turning-point``: a multiple of the train loss at that best validation loss, from
            the moment on when the validation loss has risen by a tenth; 0 before. At 1 the train loss is held
            where early stopping would have stopped. ``guessing``: a multiple of the loss of guessing,
            ``log(classes)``, from the first epoch on: what carries over between class counts and needs no
            validation.

    Raises:
        InputError: if there are fewer than two values, or they don't rise from 0 or more.
    """

    values: tuple[float, ...]
    unit: LevelUnit = "absolute"

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 1 or len(values) < 2:
            raise InputError("a level set needs two levels or more, such as 0, 0.1, 0.2")
        if not np.isfinite(values).all() or values[0] < 0 or (np.diff(values) <= 0).any():
            raise InputError(f"levels must be finite, not negative and rising: got {list(self.values)}")
        if self.unit not in get_args(LevelUnit):
            raise InputError(f"unknown level unit {self.unit!r}: use one of {', '.join(get_args(LevelUnit))}")

    def __len__(self) -> int:
        return len(self.values)

    def levels(
        self,
        actions: NDArray[np.int64],
        best_val_loss: NDArray[np.float64],
        turning_loss: NDArray[np.float64],
        guessing_loss: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The flood levels in nats that ``actions`` (shape ``(replicas,)``) stand for.

        Args:
            actions: Indices into ``values``.
            best_val_loss: Lowest validation loss of each replica so far; infinite before the first epoch,
                when a level that goes by it is 0: there is nothing yet to take a fraction of. Of a loss
                below 0 (of a criterion other than cross-entropy) it is 0 too, since no level is negative.
            turning_loss: Train loss of each replica at that best; infinite until the run has turned, when
                there is nothing yet to go back to.
            guessing_loss: That of guessing, for each replica.
        """
        values = np.asarray(self.values)[actions]
        if self.unit == "absolute":
            return values
        unit = {"relative": best_val_loss, "turning-point": turning_loss, "guessing": guessing_loss}[
            self.unit
        ]
        return values * np.where(np.isfinite(unit), np.maximum(unit, 0.0), 0.0)


def _even(last: float, step: float) -> tuple[float, ...]:
    return tuple(round(i * step, 10) for i in range(round(last / step) + 1))


LEVEL_SETS: dict[str, LevelSet] = {
    "two-gaussians": LevelSet(_even(0.50, 0.01)),
    "cifar10": LevelSet(_even(0.10, 0.01)),
    "relative": LevelSet((0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "relative"),
}
"""Level sets by name: up to 0.5 and up to 0.1 nats by 0.01, and fractions of the best validation loss."""


def level_set(levels: str | Sequence[float] | LevelSet, unit: LevelUnit | None = None) -> LevelSet:
    """A level set from its name or from values.

    Args:
        levels: A name of :data:`LEVEL_SETS`, values in rising order, or a set, which is given back.
        unit: Of values, ``absolute`` if not given. A set has its own.

    Raises:
        InputError: if the name is unknown, the values are not usable, or the set has another unit.
    """
    if isinstance(levels, LevelSet):
        return _in_unit(levels, unit, "that is given")
    if not isinstance(levels, str):
        try:
            values = tuple(float(value) for value in levels)
        except (TypeError, ValueError):
            names = ", ".join(LEVEL_SETS)
            raise InputError(
                f"levels must be numbers, such as 0, 0.1, 0.2, or one of {names}: got {levels!r}"
            ) from None
        return LevelSet(values, "absolute" if unit is None else unit)
    if levels not in LEVEL_SETS:
        raise InputError(
            f"unknown level set {levels!r}: use one of {', '.join(LEVEL_SETS)}, or give the values"
        )
    return _in_unit(LEVEL_SETS[levels], unit, repr(levels))


def _in_unit(levels: LevelSet, unit: LevelUnit | None, which: str) -> LevelSet:
    if unit not in (None, levels.unit):
        raise InputError(
            f"the level set {which} has the unit {levels.unit!r}, not {unit!r}: leave level_unit out, or "
            f"set it to {levels.unit!r}"
        )
    return levels
