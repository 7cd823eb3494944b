"""The trainer that suits a population of tasks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from rlflood.holding import Hold
from rlflood.training.images.module_population import ModulePopulation
from rlflood.training.machine import Machine
from rlflood.training.mlp.population import PopulationTrainer
from rlflood.training.mlp.threaded import ThreadedPopulation
from rlflood.training.objectives import MakeObjective
from rlflood.training.task import Task

Population: TypeAlias = PopulationTrainer | ThreadedPopulation | ModulePopulation


def make_population(
    tasks: Sequence[Task],
    data_seeds: Sequence[int],
    network_seeds: Sequence[int],
    *,
    machine: Machine = Machine(),
    keep_best: bool = False,
    average: float | None = None,
    hold: Hold = Hold(),
    objective: MakeObjective | None = None,
) -> Population:
    """A trainer of the tasks' networks, on fewer threads than the machine's where there are fewer replicas.

    Perceptrons are stacked, networks of images are trained one by one. A GPU is fed stacks by one thread. See
    :class:`PopulationTrainer` and :class:`ModulePopulation` for the other arguments and the errors.
    """
    options: dict[str, Any] = {
        "keep_best": keep_best, "average": average, "hold": hold, "objective": objective,
    }  # fmt: skip
    if tasks[0].network != "mlp":
        return ModulePopulation(tasks, data_seeds, network_seeds, machine=machine, **options)
    threads = min(machine.threads, len(tasks)) if machine.on_cpu else 1
    machine = replace(machine, threads=threads)
    if threads == 1:
        return PopulationTrainer(tasks, data_seeds, network_seeds, machine=machine, **options)
    return ThreadedPopulation(tasks, data_seeds, network_seeds, machine=machine, **options)
