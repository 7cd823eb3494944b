"""Grid search: what a user of flooding does today."""

from dataclasses import dataclass

import numpy as np

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.registry import register, whole_number
from rlflood.experiments.runs.record import Array, Record, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine, Task


class GridSearch(Method):
    """Trains one run at every level and picks one by validation accuracy (Ishida et al. 2020).

    Args:
        name: The method's name.
        levels: The levels, in nats: shape ``(candidates,)``.
        oracle: Pick by test accuracy: what the best constant level would reach, out of a user's reach.
    """

    goes_on = True

    def __init__(self, name: str, levels: Array, *, oracle: bool = False) -> None:
        self.name, self.oracle = name, oracle
        self.levels = np.asarray(levels, np.float64)
        self.width = len(self.levels)

    def epochs(self, task: Task) -> int:
        """One run a level."""
        return self.width * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        runs = _runs(setting, machine, self.levels, on_progress)
        values = np.tile(self.levels, (setting.repeats, 1))
        return picked_record(self.name, runs, values, by_test=self.oracle)


@dataclass(frozen=True, slots=True)
class _Trained:
    setting: Setting
    machine: Machine
    levels: Array
    runs: Runs


_last: _Trained | None = None


def _runs(setting: Setting, machine: Machine, levels: Array, on_progress: Progress) -> Runs:
    """One run at every level for each repeat; those of the last call, if it was for the same.

    A grid and the oracle of the same levels pick from the same runs, and a study does one after the other.
    """
    global _last
    same = _last is not None and (_last.setting, _last.machine) == (setting, machine)
    if _last is None or not same or not np.array_equal(_last.levels, levels):
        runs = run_schedule(
            setting,
            lambda numbers: ConstantFlood(levels[numbers % len(levels)]),
            machine,
            runs_per_repeat=len(levels),
            on_progress=on_progress,
            name="levels",  # a grid and its oracle are the same runs
        )
        _last = _Trained(setting, machine, levels, runs)
    return _last.runs


def even_levels(count: int, highest: float) -> Array:
    """``count`` levels from 0 to ``highest``."""
    # rounded, so that the 0.3 of a grid is the 0.3 that a person types
    return np.linspace(0.0, highest, count).round(10)


def _levels(name: str, argument: str | None, options: MethodOptions) -> Array:
    count = options.runs if argument is None else whole_number(name, argument, 2, f"{name}:51")
    return even_levels(count, options.highest_level)


@register("grid", "one run at every level of a grid, picked by validation accuracy", argument="LEVELS")
def _grid(argument: str | None, options: MethodOptions) -> Method:
    return GridSearch("grid" if argument is None else f"grid:{argument}", _levels("grid", argument, options))


@register(
    "oracle", "the best constant level, picked on the test split: not available to a user", argument="LEVELS"
)
def _oracle(argument: str | None, options: MethodOptions) -> Method:
    name = "oracle" if argument is None else f"oracle:{argument}"
    return GridSearch(name, _levels("oracle", argument, options), oracle=True)
