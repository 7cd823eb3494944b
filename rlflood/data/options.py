"""The options of generators, as they come from Python, TOML or the command line."""

from typing import TypeAlias

import numpy as np

from rlflood.errors import InputError

Option: TypeAlias = float | int | str


def whole(source: str, option: str, value: Option, least: int, most: int | None = None) -> int:
    """The option's value as a whole number from ``least`` to ``most``; numbers may come as text."""
    number = _number(value)
    if number is None or number != round(number) or number < least or (most is not None and number > most):
        span = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"The option {option} of {source} is {value!r}: give a whole number {span}.")
    return int(number)


def real(source: str, option: str, value: Option, least: float) -> float:
    """The option's value as a number of at least ``least``; numbers may come as text."""
    number = _number(value)
    if number is None or number < least:
        raise InputError(f"The option {option} of {source} is {value!r}: give a number from {least:g} up.")
    return number


def _number(value: Option) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
