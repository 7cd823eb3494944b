"""What every method offers, and the methods of one run."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rlflood.errors import InputError
from rlflood.experiments.loop import run_schedule
from rlflood.experiments.record import Record
from rlflood.experiments.setting import Progress, Setting, no_progress
from rlflood.schedulers import FloodScheduler
from rlflood.training import Task


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """Settings of methods that are not part of their name.

    Attributes:
        grid_levels: Levels of the grid search, evenly spaced from 0.
        grid_max: The highest of them, in nats.

    Raises:
        InputError: if one of them is not usable.
    """

    grid_levels: int = 11
    grid_max: float = 0.5

    def __post_init__(self) -> None:
        if self.grid_levels < 2:
            raise InputError(f"the grid has {self.grid_levels} levels: give at least 2 (--grid-levels)")
        if not 0 < self.grid_max < float("inf"):
            raise InputError(
                f"the grid's highest level is {self.grid_max}: give a positive number (--grid-max)"
            )


class Method(ABC):
    """A way to choose the flood level: a scheduler, or a search over runs.

    Attributes:
        name: What tables and records call it.
    """

    name: str

    @abstractmethod
    def epochs(self, task: Task) -> int:
        """The budget: training epochs of one repeat, over all its runs."""

    @abstractmethod
    def run(self, setting: Setting, on_progress: Progress = no_progress) -> Record:
        """Run every repeat of the setting.

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
    """

    def __init__(self, name: str, make: ForTask) -> None:
        self.name = name
        self._make = make

    def epochs(self, task: Task) -> int:
        """One run."""
        return task.epochs

    def run(self, setting: Setting, on_progress: Progress = no_progress) -> Record:
        """See :meth:`Method.run`."""
        runs = run_schedule(setting, lambda numbers: self._make(setting.task), on_progress=on_progress)
        fields = {name: getattr(runs, name) for name in runs.__slots__}
        return Record(method=self.name, **fields, epochs_spent=setting.task.epochs)
