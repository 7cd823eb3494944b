"""Ctrl-C and SIGTERM: both end the work so that what is done is kept, and a second one ends it at once."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = 128 + signal.SIGINT
"""The exit status after Ctrl-C, 130: that of a shell for a command that this signal has ended."""
TERMINATED = 128 + signal.SIGTERM
"""The exit status after SIGTERM, 143."""


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within a command: SIGTERM, which ``kill`` and batch systems send, is a KeyboardInterrupt too.

    A command that then ends with the status of Ctrl-C, 130, ends with 143 instead.
    """
    # whoever has the signal ignored, or handles it, wants that
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    received = False

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        nonlocal received
        received = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except SystemExit as end:
        if received and end.code == INTERRUPTED:
            sys.exit(TERMINATED)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def first_signal(stop: Callable[[int], None]) -> Iterator[None]:
    """Call ``stop`` with the number of the first Ctrl-C or SIGTERM; leave the second one its usual effect."""
    if not _in_main_thread():  # no other may set handlers
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(number: int, frame: FrameType | None) -> None:
        restore()
        stop(number)

    for number in before:
        signal.signal(number, first)
    try:
        yield
    finally:
        restore()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
