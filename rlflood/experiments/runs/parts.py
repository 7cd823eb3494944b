"""What searches with stacks of their own share: repeats by memory, and when they look at their runs."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import TypeAlias

import numpy as np

from rlflood.experiments.runs import stacks
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.setting import Progress, Setting
from rlflood.training import Machine

RunPart: TypeAlias = Callable[[Setting, Machine, Progress], Record]
INTERVALS = 10
"""Of a run; a search may look at it between them, as Jaderberg et al. 2017 and most users of pruners do."""


def run_in_parts(
    setting: Setting, machine: Machine, width: int, run: RunPart, on_progress: Progress
) -> Record:
    """Run a method on as many repeats at once as a stack should hold, and join their records.

    Args:
        setting: All repeats.
        machine: Where to train.
        width: Replicas of a repeat. They are never split: a repeat too wide for a stack gets one of its own.
        run: Runs the method on some of the repeats. Must tell of progress after its last epoch.
        on_progress: Told of the epochs of all parts.
    """
    largest = max(1, stacks.most_replicas(setting.task, machine) // width)
    edges = np.linspace(0, setting.repeats, ceil(setting.repeats / largest) + 1).round().astype(int)
    records = []
    for start, end in pairwise(edges.tolist()):

        def advance(done: int, total: int, start: int = start, end: int = end) -> None:
            each = total // (end - start)
            on_progress(start * each + done, setting.repeats * each)

        records.append(run(setting.part(slice(start, end)), machine, advance))
    return Record.concat(records)


def interim_epochs(epochs: int) -> list[int]:
    """The numbers of epochs after which a run is looked at, its end left out: 9, or fewer if it is short."""
    return sorted({k * epochs // INTERVALS for k in range(1, INTERVALS)} - {0})


def ranked(accuracy: float, loss: float, samples: int) -> float:
    """One number that orders runs as picking does: by accuracy over ``samples``, then by the lower loss."""
    return accuracy + 0.5 / samples / (1.0 + loss)
