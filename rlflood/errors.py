"""The one exception for input that a person can put right, how a command tells of it, a hint for its text."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Something that the person gave is wrong: a file, a name, a column, a size.

    The text says what is wrong and what to do about it. The command line prints it as one message and
    exits with status 2; a library user may catch it as a ``ValueError``.
    """


@contextmanager
def told() -> Iterator[None]:
    """Within a command: end on an InputError with its message on stderr and exit status 2."""
    try:
        yield
    except InputError as error:
        from rich.console import Console

        Console(stderr=True).print(
            f"error: {error}", markup=False, highlight=False, soft_wrap=True, style="red"
        )
        sys.exit(2)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence and a space on the known names that are close to an unknown one; empty if there are none."""
    close = difflib.get_close_matches(name, list(known))
    return f"did you mean {' or '.join(close)}? " if close else ""
