"""Options that hold several numbers."""

from collections.abc import Callable
from typing import TypeVar

from rlflood.errors import InputError

Number = TypeVar("Number", int, float)


def numbers(text: str, option: str, kind: Callable[[str], Number], example: str) -> tuple[Number, ...]:
    """The numbers in ``text``, with commas between.

    Raises:
        InputError: if a part is no number of that kind (``int`` or ``float``); ``example`` shows what does.
    """
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise InputError(
            f"{option} takes {what} with commas between, such as {example}: got {text!r}"
        ) from None
