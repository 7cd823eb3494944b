"""Locks on files: which process works on what of a study, and whether any does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCKS = ".locks"


@contextmanager
def claim(folder: Path, key: str) -> Iterator[bool]:
    """Hold a piece of work against other processes; the system lets go of it when a process ends, however."""
    path = folder / LOCKS / f"{key}.lock"
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
        # The work is done. Whoever still waits for this file finds that out next, and so does whoever makes
        # it anew. Where open files can't be removed, it stays.
        with suppress(OSError):
            path.unlink(missing_ok=True)
    finally:
        lock.release()


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Show to other processes that this one works on the study in ``folder``."""
    key = f"process-{os.getpid()}"
    try:
        with claim(folder, key):
            yield
    finally:
        with suppress(OSError):
            (folder / LOCKS / f"{key}.lock").unlink(missing_ok=True)


def somebody_at_work(folder: Path) -> bool:
    """Whether a process works on the study in ``folder``."""
    for path in (folder / LOCKS).glob("*.lock"):
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
    return False
