"""The one exception for input that a person can put right, how a command tells of it, a hint for its text."""

import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class InputError(ValueError):
    """Something that the person gave is wrong: a file, a name, a column, a size.

    The text says what is wrong and what to do about it. The command line prints it as one message and
    exits with status 2; a library user may catch it as a ``ValueError``.
    """


class RlfloodWarning(UserWarning):
    """Something that a person should know, though the work goes on; a command prints it as one line."""


@contextmanager
def told() -> Iterator[None]:
    """Within a command: end on an InputError with its message on stderr and exit status 2."""
    with warnings_told():
        try:
            yield
        except InputError as error:
            _print(f"error: {error}", "red")
            sys.exit(2)


@contextmanager
def warnings_told() -> Iterator[None]:
    """Within a command: each warning of rlflood's own is one line on stderr."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, RlfloodWarning):
                _print(f"warning: {message}", "yellow")
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        warnings.simplefilter("always", RlfloodWarning)
        yield


def _print(text: str, style: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence and a space on the known names that are close to an unknown one; empty if there are none."""
    close = difflib.get_close_matches(name, list(known))
    return f"did you mean {' or '.join(close)}? " if close else ""
