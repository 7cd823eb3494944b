"""What a person can put right, an exception and a warning, and how a command tells of it."""

import difflib
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO


class InputError(ValueError):
    """Something that the person gave is wrong: a file, a name, a column, a size.

    The text says what is wrong and what to do about it. The command line prints it as one message and
    exits with status 2; a library user may catch it as a ``ValueError``.
    """


class RlfloodWarning(UserWarning):
    """Something that a person should know, though the work goes on: a column left out, a file not written.

    The text says how things are and what to do if that is wrong. The command line prints it once, on stderr.
    """


@contextmanager
def told() -> Iterator[None]:
    """Within a command: an InputError is a message on stderr and exit status 2, our warnings are messages."""
    with warnings_told():
        try:
            yield
        except InputError as error:
            _tell(f"error: {error}", "red")
            sys.exit(2)


@contextmanager
def warnings_told() -> Iterator[None]:
    """Within a command: each warning of rlflood's own is one line on stderr, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", RlfloodWarning)
        others, told_already = warnings.showwarning, set()

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, RlfloodWarning):
                others(message, category, filename, lineno, file, line)
            elif str(message) not in told_already:  # a file may be read again for each task of a study
                told_already.add(str(message))
                _tell(f"warning: {message}", "yellow")

        warnings.showwarning = show
        yield


def _tell(text: str, style: str) -> None:
    try:
        from rich.console import Console
    except ModuleNotFoundError:  # it may be what is missing
        print(text, file=sys.stderr)
        return

    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence and a space on the known names that are close to an unknown one; empty if there are none.

    Whether letters are capital makes no difference.
    """
    by_small = {one.casefold(): one for one in known}
    close = [by_small[one] for one in difflib.get_close_matches(name.casefold(), by_small)]
    return f"did you mean {' or '.join(close)}? " if close else ""


def use_one_of(name: str, known: Collection[str]) -> str:
    """What to do about an unknown name, for a message: the names that are close to it, and all there are."""
    return f"{did_you_mean(name, known)}use one of {', '.join(known)}"
