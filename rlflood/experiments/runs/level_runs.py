"""Runs at constant levels, for the methods that pick from them."""

from dataclasses import dataclass

import numpy as np

from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Progress, Setting
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.metrics import Array
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine


@dataclass(frozen=True, slots=True)
class _Trained:
    setting: Setting
    machine: Machine
    levels: Array
    runs: Runs


class LevelRuns:
    """Trains one run at every level for each repeat, and keeps the runs of the last call.

    A grid and the oracle of the same levels pick from the same runs, as early stopping and averages take
    other networks of the runs without flooding. Methods that are made together hold one object of this class,
    and the second to be run finds what the first has trained.
    """

    def __init__(self) -> None:
        self._last: _Trained | None = None

    def get(self, setting: Setting, machine: Machine, levels: Array, on_progress: Progress) -> Runs:
        """The runs: ``r * len(levels) + k`` is that of repeat ``r`` at ``levels[k]``.

        Args:
            setting: Task and seeds.
            machine: Where to train.
            levels: In nats, shape ``(candidates,)``.
            on_progress: Told of every epoch; of none if nothing has to be trained.
        """
        last = self._last
        same = last is not None and (last.setting, last.machine) == (setting, machine)
        if last is None or not same or not np.array_equal(last.levels, levels):
            runs = run_schedule(
                setting,
                lambda numbers: ConstantFlood(levels[numbers % len(levels)]),
                machine,
                runs_per_repeat=len(levels),
                on_progress=on_progress,
                name="levels",  # a grid and its oracle are the same runs
            )
            last = self._last = _Trained(setting, machine, levels, runs)
        return last.runs
