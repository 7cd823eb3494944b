"""What every method offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rlflood.errors import InputError
from rlflood.experiments.record import Record
from rlflood.experiments.setting import Progress, Setting, no_progress
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
