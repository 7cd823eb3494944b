"""A part in a process of its own, whatever becomes of it."""

import multiprocessing
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.gpu.allowance import Allowance, Found

Work = Callable[[Allowance], None]
"""A part: it reports what it finds, the last time when it is done."""

SPARE = 0.9
"""The share of its time that a part is told: what it has begun then may take a little longer."""


def alone(work: Work, device: str, seconds: float, on_report: Callable[[Found], None]) -> str | None:
    """Do a part's work in a process of its own, and end that when its time is over.

    Args:
        work: The part; importable, as all that goes to another process.
        device: Where.
        seconds: The most that it may take.
        on_report: Gets each report.

    Returns:
        What went wrong; None if nothing did.
    """
    # not a fork: what has spoken to a GPU, or to its driver alone, can't be forked
    context = multiprocessing.get_context("spawn")
    end = time.monotonic() + seconds
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, device, SPARE * seconds, theirs), daemon=True)
    process.start()
    theirs.close()
    outcome: str | None = "it took longer than its share of the time, and was ended"
    try:
        while ours.poll(max(0.0, end - time.monotonic())):
            kind, content = ours.recv()
            if kind == "ended":
                outcome = content
                break
            on_report(content)
    except (EOFError, OSError):
        process.join(5)
        outcome = f"its process ended by itself, with the exit code {process.exitcode}"
    finally:
        process.join(1 if outcome is None else 0)
        process.kill()
        process.join()
        ours.close()
    return outcome


def here(work: Work, device: str, seconds: float, on_report: Callable[[Found], None]) -> str | None:
    """The same in this process, which has no way to end it."""
    try:
        work(Allowance(device, SPARE * seconds, on_report))
    except Exception:
        return traceback.format_exc()
    return None


def _work(work: Work, device: str, seconds: float, to: Connection) -> None:
    def report(found: Found) -> None:
        to.send(("report", found))

    outcome: Any = None
    try:
        work(Allowance(device, seconds, report))
    except Exception:
        outcome = traceback.format_exc()
    to.send(("ended", outcome))
