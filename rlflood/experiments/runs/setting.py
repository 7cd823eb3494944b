"""What all methods of a comparison share, so that their results are paired."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from rlflood.control import Controller
from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.training.size import NetworkSize, network_size

Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``on_progress(done_epochs, total_epochs)``; an epoch is that of one network."""


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A task and the seeds of its repeats.

    Attributes:
        task: The learning problem.
        data_seeds: For each repeat, the seed of its samples, label noise and splits.
        network_seeds: For each repeat, the seed of its initialisation and batch order.
    """

    task: Task
    data_seeds: tuple[int, ...]
    network_seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.data_seeds) == len(self.network_seeds) > 0:
            raise ValueError(
                "a setting has one data seed and one network seed a repeat, and a repeat or more"
            )

    @classmethod
    def from_seed(cls, task: Task, seed: int, repeats: int) -> "Setting":
        """Derive the seeds of each repeat from one; repeat ``r`` has the same whatever ``repeats`` is.

        Raises:
            InputError: if ``seed`` is negative or ``repeats`` below 1.
        """
        if seed < 0:
            raise InputError(f"the seed is {seed}: give a whole number of at least 0")
        if repeats < 1:
            raise InputError(f"repeats is {repeats}: give at least 1")
        states = [np.random.SeedSequence(seed, spawn_key=(r,)).generate_state(2) >> 1 for r in range(repeats)]
        data_seeds, network_seeds = zip(*(map(int, state) for state in states), strict=True)
        return cls(task, data_seeds, network_seeds)

    @property
    def size(self) -> NetworkSize:
        """How large one network is."""
        return network_size(self.task)

    @property
    def repeats(self) -> int:
        """How often each method runs on the task."""
        return len(self.data_seeds)

    def part(self, repeats: slice) -> "Setting":
        """The same with some of the repeats only."""
        return replace(self, data_seeds=self.data_seeds[repeats], network_seeds=self.network_seeds[repeats])


def task_for(controller: Controller, task: Task) -> Task:
    """The task on the criterion that a controller is for; as it is if it has that, or the controller none."""
    if controller.spec.criterion in ("cross-entropy", task.criterion):
        return task
    return task.model_copy(update={"criterion": controller.spec.criterion, "strength": None})
