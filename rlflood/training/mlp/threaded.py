"""A population on several CPU threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlflood.metrics import Metrics
from rlflood.training.copying import check_sources, with_copies
from rlflood.training.machine import Machine
from rlflood.training.mlp.population import PopulationTrainer
from rlflood.training.objectives import MakeObjective, Objective
from rlflood.training.task import Task
from rlflood.training.trainer import Evaluation, Moment, SplitName, joined_losses, joined_validations


class ThreadedPopulation:
    """A :class:`PopulationTrainer` split into one stack a thread.

    PyTorch's own way to use several cores, all of them for one operation at a time, makes them wait for
    each other at every operation of a network: on small networks that gains little, and nearly everything
    is lost where another process takes a core for a moment. Here each thread trains its own stack and they
    meet once an epoch.

    Args:
        machine: Where to train: a stack for each of its threads, which PyTorch is told to use one core for.
        objective: As for ``PopulationTrainer``; called once for each stack, with the numbers of its replicas.
        others: As for ``PopulationTrainer``.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        data_seeds: Sequence[int],
        network_seeds: Sequence[int],
        *,
        machine: Machine,
        objective: MakeObjective | None = None,
        **others: Any,
    ) -> None:
        edges = np.linspace(0, len(tasks), machine.threads + 1).round().astype(int).tolist()
        self._slices = [slice(a, b) for a, b in pairwise(edges)]
        self._pool = _pool(machine.threads)
        self._parts = [
            PopulationTrainer(
                tasks[part],
                data_seeds[part],
                network_seeds[part],
                machine=machine,
                objective=None if objective is None else _shifted(objective, part.start),
                **others,
            )
            for part in self._slices
        ]
        self.replicas = len(tasks)
        self.classes = np.concatenate([part.classes for part in self._parts])

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return self._parts[0].epoch

    @property
    def levels(self) -> NDArray[np.float64]:
        """See :attr:`PopulationTrainer.levels`."""
        return np.concatenate([part.levels for part in self._parts])

    @property
    def changed(self) -> NDArray[np.float64]:
        """See :attr:`Trainer.changed`."""
        return np.concatenate([part.changed for part in self._parts])

    @property
    def average_validation(self) -> Evaluation | None:
        """See :attr:`Trainer.average_validation`."""
        return joined_validations(part.average_validation for part in self._parts)

    def begin_average(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.begin_average`."""
        for part, own in zip(self._parts, self._slices, strict=True):
            part.begin_average(which[own])

    def return_to_best(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.return_to_best`."""
        for part, own in zip(self._parts, self._slices, strict=True):
            part.return_to_best(which[own])

    def run_epoch(
        self, levels: NDArray[np.float64] | float, strengths: NDArray[np.float64] | float | None = None
    ) -> Metrics:
        """See :meth:`Trainer.run_epoch`."""
        level = np.broadcast_to(levels, self.replicas)
        strength = None if strengths is None else np.broadcast_to(strengths, self.replicas)

        def run(part: PopulationTrainer, own: slice) -> Metrics:
            return part.run_epoch(level[own], None if strength is None else strength[own])

        parts: list[Metrics] = list(self._pool.map(run, self._parts, self._slices))
        return Metrics.concat(parts)

    def evaluate(self, split: SplitName, moment: Moment = "last") -> Evaluation:
        """See :meth:`Trainer.evaluate`."""
        parts: list[Evaluation] = list(self._pool.map(lambda part: part.evaluate(split, moment), self._parts))
        return Evaluation.concat(parts)

    def sample_losses(self, split: SplitName) -> NDArray[np.float64]:
        """See :meth:`Trainer.sample_losses`."""
        return joined_losses(list(self._pool.map(lambda part: part.sample_losses(split), self._parts)))

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """See :meth:`Trainer.copy_replicas`; a source may be on another thread."""
        features = np.concatenate([part.network.features for part in self._parts])
        check_sources(sources, features, self.classes)
        starts = np.array([own.start for own in self._slices])
        numbers = np.searchsorted(starts, sources, side="right") - 1
        parts, rows = torch.from_numpy(numbers), torch.from_numpy(sources - starts[numbers])
        states = [part.state_dict() for part in self._parts]
        for number, (part, own) in enumerate(zip(self._parts, self._slices, strict=True)):
            part.load_state_dict(with_copies(states, number, parts[own], rows[own]))

    def module(self, replica: int) -> nn.Sequential:
        """A copy of one replica as an ordinary ``nn.Sequential``."""
        number = next(i for i, part in enumerate(self._slices) if replica < part.stop)
        return self._parts[number].module(replica - self._slices[number].start)

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`Trainer.state_dict`; it fits a population on as many threads."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`Trainer.load_state_dict`."""
        for part, own in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(own)


def _shifted(make: MakeObjective, start: int) -> MakeObjective:
    def of_part(numbers: NDArray[np.int64]) -> Objective:
        return make(numbers + start)

    return of_part


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    # shared by all populations: environments make a new one for each episode
    return ThreadPoolExecutor(threads, "population", initializer=torch.set_num_threads, initargs=(1,))
