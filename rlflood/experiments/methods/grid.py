"""Grid search: what a user of flooding does today."""

import numpy as np

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.name import MethodName
from rlflood.experiments.methods.registry import register, whole_number
from rlflood.experiments.runs.level_runs import LevelRuns
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.metrics import Array
from rlflood.training import Machine, Task


class GridSearch(Method):
    """Trains one run at every level and picks one by validation accuracy (Ishida et al. 2020).

    Args:
        name: The method's name.
        levels: The levels, in nats: shape ``(candidates,)``.
        oracle: Pick by test accuracy: what the best constant level would reach, out of a user's reach.
        level_runs: Where its runs come from; shared by methods that are made together.
    """

    goes_on = True

    def __init__(
        self, name: str, levels: Array, *, oracle: bool = False, level_runs: LevelRuns | None = None
    ) -> None:
        self.name, self.oracle = name, oracle
        self._level_runs = LevelRuns() if level_runs is None else level_runs
        self.levels = np.asarray(levels, np.float64)
        self.width = len(self.levels)

    def epochs(self, task: Task) -> int:
        """One run a level."""
        return self.width * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        runs = self._level_runs.get(setting, machine, self.levels, on_progress)
        values = np.tile(self.levels, (setting.repeats, 1))
        return picked_record(self.name, runs, values, by_test=self.oracle)


def even_levels(count: int, highest: float) -> Array:
    """``count`` levels from 0 to ``highest``."""
    # rounded, so that the 0.3 of a grid is the 0.3 that a person types
    return np.linspace(0.0, highest, count).round(10)


def _search(kind: str, argument: str | None, options: MethodOptions) -> GridSearch:
    count = options.runs if argument is None else whole_number(kind, argument, 2, f"{kind}:51")
    levels = even_levels(count, options.highest_level)
    name = str(MethodName(kind, argument))
    return GridSearch(name, levels, oracle=kind == "oracle", level_runs=options.level_runs)


@register("grid", "one run at every level of a grid, picked by validation accuracy", argument="LEVELS")
def _grid(argument: str | None, options: MethodOptions) -> Method:
    return _search("grid", argument, options)


@register(
    "oracle", "the best constant level, picked on the test split: not available to a user", argument="LEVELS"
)
def _oracle(argument: str | None, options: MethodOptions) -> Method:
    return _search("oracle", argument, options)
