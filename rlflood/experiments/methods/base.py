"""What every method offers, and the methods of one run."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.runs.level_runs import LevelRuns
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import FloodScheduler
from rlflood.training import Machine, Task
from rlflood.training.trainer import Moment
from rlflood.words import counted


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """What methods that are made together share.

    Attributes:
        runs: The budget of a search, in whole training runs: levels of a grid, trials of a tuner.
        highest_level: The highest flood level that a search tries, in nats; the lowest is 0.
        level_runs: The runs of a grid, which the oracle picks from too.
        unflooded_runs: The runs without flooding, of which early stopping and averages are other networks.

    Raises:
        InputError: if one of them is not usable.
    """

    runs: int = 11
    highest_level: float = 0.5
    level_runs: LevelRuns = field(default_factory=LevelRuns, compare=False, repr=False)
    unflooded_runs: LevelRuns = field(default_factory=LevelRuns, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.runs < 2:
            raise InputError(f"a search of {counted(self.runs, 'run')} is none: give at least 2 runs")
        if not 0 < self.highest_level < float("inf"):
            raise InputError(f"the highest level is {self.highest_level}: give a positive number")


class Method(ABC):
    """A way to train that the benchmark compares: a scheduler, a search over runs, another objective.

    Attributes:
        name: What tables and records call it.
        width: Runs of a repeat that are trained together: what the size of stacks is planned by.
        floods: Whether a run is plain flooding at the levels in its record, so that it can be trained again
            from them alone.
        needs_validation: Whether it picks or steers by the validation split.
        oracle: Whether it looks at the test split, which a user cannot.
        goes_on: Whether runs that are interrupted go on from a machine's checkpoints.
        deployed: Which of a run's four networks its user would deploy: what its headline figure is of.
    """

    name: str
    width: int = 1
    floods: bool = True
    needs_validation: bool = True
    oracle: bool = False
    goes_on: bool = False
    deployed: Moment = "last"

    def check(self, task: Task) -> None:
        """Make sure that the method can be run here and on this task, before anything is trained.

        Making a method does not: a study is reported where what it ran with may be missing.

        Raises:
            MissingPackage: if a package that it needs is not installed.
            InputError: if it is not for such a task: one that trains on the validation samples, if it goes by
                them.
        """
        if task.joined and self.needs_validation:
            raise InputError(
                f"the method {self.name} goes by the validation samples, and here they are trained on, too "
                "(all: or joined): leave that out, or take what needs none, such as none, ema, label-wave or "
                "a controller that sees the training alone"
            )

    @abstractmethod
    def epochs(self, task: Task) -> int:
        """The budget: training epochs of one repeat, over all its runs. A method may spend less."""

    @abstractmethod
    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """Run every repeat of the setting, on a machine.

        All choices are made on the validation split. ``on_progress`` hears of epochs done out of
        ``repeats * epochs(task)``.

        Raises:
            InputError: if the task's data cannot be loaded or is too small for its splits.
        """


ForTask: TypeAlias = Callable[[Task], FloodScheduler]


class ScheduledMethod(Method):
    """Any scheduler as a method.

    Args:
        name: The method's name.
        make: Makes a fresh scheduler for a stack of runs of a task.
        deployed: Which of a run's four networks its user would deploy.
        floods: See :class:`Method`; False where levels are not held on each batch, or weights are put back.
        needs_validation: See :class:`Method`.
    """

    goes_on = True

    def __init__(
        self,
        name: str,
        make: ForTask,
        *,
        deployed: Moment = "last",
        floods: bool = True,
        needs_validation: bool = True,
    ) -> None:
        self.name, self.deployed, self.floods = name, deployed, floods
        self.needs_validation = needs_validation
        self._make = make

    def epochs(self, task: Task) -> int:
        """One run."""
        return task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        runs = self._runs(setting, machine, on_progress)
        spent = np.full(setting.repeats, float(setting.task.epochs))
        return runs.as_record(self.name, spent, deployed=self.deployed)

    def _runs(self, setting: Setting, machine: Machine, on_progress: Progress) -> Runs:
        return run_schedule(
            setting,
            lambda numbers: self._make(setting.task),
            machine,
            on_progress=on_progress,
            name=self.name,
        )
