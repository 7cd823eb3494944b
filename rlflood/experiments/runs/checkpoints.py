"""Runs that are not finished, on disk, so that an interrupted one goes on where it was."""

import hashlib
import io
import json
import pickle
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlflood.errors import InputError
from rlflood.experiments.runs.setting import Setting
from rlflood.files import write_whole
from rlflood.saving import LONGEST, Clock, Pace, attempt
from rlflood.schedulers import FloodScheduler
from rlflood.training import Machine

INTERVAL = LONGEST
"""Seconds that the time between two writings grows to, from a few; an interruption costs as much at most, and
the epoch that it breaks off."""

_UNFIT = (LookupError, TypeError, ValueError, RuntimeError, AttributeError)


class Checkpoint:
    """The state of one stack of runs in a file of its own, which is there only while they are not finished.

    A file that cannot be written is a warning, once for all files of a folder: the runs go on without it.

    Args:
        path: The file, named by the :func:`identity` of its runs; None keeps nothing.
        clock: Tells the time in seconds.
    """

    def __init__(self, path: Path | None, *, clock: Clock = time.monotonic) -> None:
        self._path = path
        self._pace = Pace(INTERVAL, clock=clock)

    def restore(self, parts: Mapping[str, Any]) -> bool:
        """Bring what the runs consist of to where it was saved last, if it was.

        Nothing is unpickled but tensors, numbers and containers.

        Args:
            parts: By name, what has a ``load_state_dict``.

        Returns:
            Whether anything was saved.

        Raises:
            InputError: if the file is damaged.
        """
        if self._path is None or not self._path.is_file():
            return False
        try:
            # onto the processor first: the runs may go on on another device
            state = torch.load(self._path, map_location="cpu", weights_only=True)
            for name, part in parts.items():
                part.load_state_dict(state[name])
        except (OSError, EOFError, pickle.UnpicklingError, *_UNFIT) as error:
            raise InputError(
                f"the checkpoint {self._path} is damaged: delete it, and its runs begin anew"
            ) from error
        return True

    def save(self, parts: Mapping[str, Any]) -> None:
        """Write what ``parts`` give as their ``state_dict``, if it is time to."""
        if self._path is None or not self._pace.due():
            return
        path = self._path

        def write() -> None:
            content = io.BytesIO()
            torch.save({name: part.state_dict() for name, part in parts.items()}, content)
            write_whole(path, content.getvalue())

        with self._pace.writing():
            attempt(
                path.parent, {path: write}, "the runs go on, and begin anew if they are stopped before it can"
            )

    def finished(self) -> None:
        """Remove the file."""
        if self._path is not None:
            # where it cannot be removed it does no harm: the same runs would go on from it
            with suppress(OSError):
                self._path.unlink()


def identity(
    method: str, setting: Setting, runs: NDArray[np.int64], scheduler: FloodScheduler, machine: Machine
) -> str:
    """What tells a stack of runs from all others: a file's name.

    Args:
        method: The method's name, which says how its scheduler was made.
        setting: The setting.
        runs: Numbers of the runs.
        scheduler: Before its first epoch.
        machine: Where they are trained: a state fits the same precision and threads.
    """
    state = scheduler.state_dict()
    del state["history"]  # empty, and not in the names of files that version 0.1 wrote
    told = {
        "method": method,
        "task": setting.task.model_dump(mode="json"),
        "seeds": [setting.data_seeds, setting.network_seeds],
        "precision": machine.precision,
        "threads": machine.threads,
        "runs": runs.tolist(),
        "scheduler": state,  # a controller's fingerprint is in it
        "hold": asdict(scheduler.hold),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
