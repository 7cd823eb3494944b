"""Options that hold several numbers, and options that go with others only."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import typer

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


def given(context: typer.Context, *names: str) -> list[str]:
    """Which of these parameters of a command the person has given, as options: ``--highest-level``."""
    return [
        f"--{name.replace('_', '-')}"
        for name in names
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]


def check_search_options(options: Iterable[str], methods: Iterable[str]) -> None:
    """Refuse options of searches that no method goes by.

    Args:
        options: Those that were given, of ``--runs`` and ``--highest-level``.
        methods: Names of the methods.

    Raises:
        InputError: naming the first option that changes nothing.
    """
    from rlflood.experiments.methods import used_options

    methods = list(methods)
    used = {f"--{name.replace('_', '-')}" for name in used_options(methods)}
    for option in options:
        if option not in used:
            raise InputError(
                f"{option} is for searches, such as grid, and changes nothing for {', '.join(methods)}: "
                "leave it out, or compare with a search"
            )
