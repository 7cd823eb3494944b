"""The scheduler that a person asks an estimator for, the same in every estimator."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from rlflood.errors import InputError
from rlflood.schedulers import FloodScheduler, HoldFlood, load_controller

Flood = Literal["hold"] | str | Path | Callable[[int, int], FloodScheduler]
"""``hold``; a controller's name or file; or what makes a scheduler, given the epochs and the classes."""


def make_scheduler(flood: Flood, *, epochs: int, classes: int) -> FloodScheduler:
    """A scheduler for one run: of ``hold`` the rule :class:`~rlflood.schedulers.HoldFlood` as it comes.

    Raises:
        InputError: if there is no such controller, its file is not usable, or ``flood`` is something else
            than :data:`Flood`.
    """
    if flood == "hold":
        return HoldFlood()
    if isinstance(flood, str | Path):
        return load_controller(flood, epochs=epochs, classes=classes)
    ready = isinstance(flood, FloodScheduler) or (
        isinstance(flood, type) and issubclass(flood, FloodScheduler)
    )
    made = flood(epochs, classes) if callable(flood) and not ready else None
    if not isinstance(made, FloodScheduler):
        what = "returns no scheduler" if callable(flood) and not ready else "is neither of these"
        raise InputError(
            'flood is "hold", the name or file of a controller, or a function of the epochs and the classes '
            f"that makes a scheduler, as each fit has one of its own: {flood!r} {what}"
        )
    return made
