"""The one exception for input that a person can put right, and a hint that its messages share."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that the person gave is wrong: a file, a name, a column, a size.

    The text says what is wrong and what to do about it. The command line prints it as one message and
    exits with status 2; a library user may catch it as a ``ValueError``.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence and a space on the known names that are close to an unknown one; empty if there are none."""
    close = difflib.get_close_matches(name, list(known))
    return f"did you mean {' or '.join(close)}? " if close else ""
