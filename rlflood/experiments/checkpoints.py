"""Runs that are not finished, on disk, so that an interrupted one goes on where it was."""

import hashlib
import io
import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlflood.errors import InputError
from rlflood.experiments.setting import Setting
from rlflood.files import write_whole
from rlflood.schedulers import FloodScheduler, PolicyScheduler

INTERVAL = 60.0
"""Seconds between two writings; an interruption costs this much at most, and the epoch that it breaks off."""


class Checkpoint:
    """The state of one stack of runs in a file of its own, which is there only while they are not finished.

    Args:
        path: The file, named by the :func:`identity` of its runs; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """What was saved last, if anything was. Nothing is unpickled but tensors, numbers and containers.

        Raises:
            InputError: if the file is damaged.
        """
        if self._path is None or not self._path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self._path, weights_only=True)
        except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
            raise InputError(
                f"the checkpoint {self._path} is damaged: delete it, and its runs begin anew"
            ) from error
        return state

    def save(self, state: Callable[[], dict[str, Any]]) -> None:
        """Write ``state()``, unless that was done less than a minute ago."""
        if self._path is None or time.monotonic() - self._written < INTERVAL:
            return
        content = io.BytesIO()
        torch.save(state(), content)
        write_whole(self._path, content.getvalue())
        self._written = time.monotonic()

    def finished(self) -> None:
        """Remove the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def identity(method: str, setting: Setting, runs: NDArray[np.int64], scheduler: FloodScheduler) -> str:
    """What tells a stack of runs from all others: a file's name.

    Args:
        method: The method's name, which says how its scheduler was made.
        setting: The setting.
        runs: Numbers of the runs.
        scheduler: Before its first epoch.
    """
    digest = hashlib.sha256()
    told = {
        "method": method,
        "task": setting.task.model_dump(mode="json"),
        "seeds": [setting.data_seeds, setting.network_seeds],
        "precision": setting.precision,
        "threads": setting.threads,
        "runs": runs.tolist(),
        "scheduler": scheduler.state_dict(),
    }
    digest.update(json.dumps(told, sort_keys=True).encode())
    if isinstance(scheduler, PolicyScheduler):
        digest.update(scheduler.controller.to_bytes())
    return digest.hexdigest()[:32]
