"""Checks: each has a name, a tolerance, the largest difference, and never stops the others."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from benchmarks.gpu.allowance import Allowance, Found

Differences = Mapping[str, float]
"""The largest difference by kind."""

TOLERANCES = {
    "losses": 5e-3,
    "accuracies": 0.05,
    "exact": 0.0,
    "same device": 1e-5,
    "half": 0.1,
    "bytes": 0.0,
}
"""What may differ after a few epochs.

Losses of two devices differ by rounding, which Adam makes larger; of accuracies two samples of 40 may lie
on the edge. On one device a graph does what it was captured from. Half formats have 8 bits.
"""


class Checks:
    """Runs checks and reports each at once.

    Args:
        allowance: The device, the time, and where to report to.
    """

    def __init__(self, allowance: Allowance) -> None:
        self.device = allowance.device
        self._allowance = allowance
        self._found: Found = {"checks": []}

    def add(self, name: str, compare: Callable[[], Differences]) -> None:
        """One check for each kind of difference that ``compare`` gives; a failed one if it raises."""
        began = time.perf_counter()
        rows: list[Found] = []
        if self._allowance.left <= 0:
            rows.append({"name": name, "ok": False, "error": "no time was left"})
        else:
            try:
                for kind, value in compare().items():
                    tolerance = TOLERANCES[kind]
                    rows.append(
                        {
                            "name": f"{name}: {kind}",
                            "tolerance": tolerance,
                            "difference": float(value),
                            "ok": bool(value <= tolerance),  # what is no number is not right
                        }
                    )
            except Exception as error:
                told = f"{type(error).__name__}: {error}".splitlines()[0]
                rows.append({"name": name, "ok": False, "error": told, "trace": traceback.format_exc()})
        for row in rows:
            row["seconds"] = round(time.perf_counter() - began, 2)
        self._found["checks"] += rows
        self._allowance.report(self._found)


def largest(first: object, second: object) -> float:
    """The largest difference of two arrays, relative where numbers are large; 0 where both are NaN."""
    a, b = (np.asarray(value, np.float64) for value in (first, second))
    if a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape}")
    if not a.size:
        return 0.0
    scaled = np.abs(a - b) / np.maximum(1.0, np.abs(a))
    return float(np.where(np.isnan(a) & np.isnan(b), 0.0, scaled).max())


def apart(first: Mapping[str, object], second: Mapping[str, object], kinds: Mapping[str, str]) -> Differences:
    """The largest differences of what two runs came to, by the kinds that its entries are of."""
    found: dict[str, float] = {}
    for name, kind in kinds.items():
        found[kind] = max(found.get(kind, 0.0), largest(first[name], second[name]))
    return found


@contextmanager
def unsynchronised(device: str) -> Iterator[None]:
    """Raise where the host waits for the device."""
    if device == "cpu":
        yield
        return
    torch.cuda.synchronize(device)
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def moved(state: object, device: str) -> object:
    """A trainer's state, its tensors on another device: as it comes from a file that is read onto it."""
    if isinstance(state, torch.Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {key: moved(value, device) for key, value in state.items()}
    return [moved(value, device) for value in state] if isinstance(state, list) else state
