"""Writing again and again what would be lost: soon at first, then seldom, and never at the work's price."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rlflood.errors import RlfloodWarning
from rlflood.files import reason

FIRST = 5.0
"""Seconds before the first writing; what has taken less is soon done again."""
LONGEST = 60.0
"""Seconds that the time between two writings grows to."""
_TIMES = 20.0  # a writing that takes long is followed by this many times its own time: 5 % go into writing

Clock = Callable[[], float]


class Pace:
    """When to write: after 5 seconds, and then ever more seldom, down to once a minute.

    Where a writing takes more than 3 seconds, the next one waits for 20 times as long, at most 20 minutes.

    Args:
        longest: Seconds instead of the minute; 0 is at every opportunity.
        clock: Tells the time in seconds.
    """

    def __init__(self, longest: float = LONGEST, *, clock: Clock = time.monotonic) -> None:
        self._longest, self._clock = longest, clock
        self._gap = min(FIRST, longest)
        self._written = clock()

    def due(self) -> bool:
        """Whether it is time to write again."""
        return self._clock() - self._written >= self._gap

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write within this."""
        began = self._clock()
        try:
            yield
        finally:
            self._written = self._clock()
            took = self._written - began
            gap = max(min(2 * self._gap, self._longest), _TIMES * took)
            self._gap = min(gap, _TIMES * self._longest)


_failing: set[Path] = set()  # folders whose trouble has been told


def attempt(folder: Path, writings: Mapping[Path, Callable[[], None]], otherwise: str) -> dict[Path, OSError]:
    """Write files that are written again later. What cannot be written is a warning, and no error.

    The warning comes once; after the folder has taken all of its files again, it may come again.

    Args:
        folder: The folder of the files.
        writings: Each file with what writes it.
        otherwise: What follows from a file that is not written, for the warning.

    Returns:
        The files that could not be written, and why.
    """
    failed: dict[Path, OSError] = {}
    for path, write in writings.items():
        try:
            write()
        except OSError as error:
            failed[path] = error
    if not failed:
        _failing.discard(folder)
    elif folder not in _failing:
        _failing.add(folder)
        told = "; ".join(f"{path} cannot be written ({reason(error)})" for path, error in failed.items())
        warnings.warn(f"{told}: {otherwise}", RlfloodWarning, stacklevel=2)
    return failed
