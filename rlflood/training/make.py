"""The trainer that suits a population of tasks."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch

from rlflood.training.device import resolve_device
from rlflood.training.images.module_population import ModulePopulation
from rlflood.training.mlp.population import PopulationTrainer
from rlflood.training.mlp.threaded import ThreadedPopulation
from rlflood.training.objectives import MakeObjective
from rlflood.training.precision import Precision
from rlflood.training.task import Task

Population: TypeAlias = PopulationTrainer | ThreadedPopulation | ModulePopulation


def make_population(
    tasks: Sequence[Task],
    data_seeds: Sequence[int],
    network_seeds: Sequence[int],
    *,
    threads: int = 1,
    device: str | torch.device = "cpu",
    precision: Precision = "float32",
    keep_best: bool = False,
    objective: MakeObjective | None = None,
) -> Population:
    """A trainer of the tasks' networks on ``threads`` threads, or fewer where there are fewer replicas.

    Perceptrons are stacked, networks of images are trained one by one. A GPU is fed stacks by one thread. See
    :class:`PopulationTrainer` and :class:`ModulePopulation` for the other arguments and the errors.

    Raises:
        ValueError: if ``threads`` is not positive.
    """
    if threads < 1:
        raise ValueError(f"threads must be 1 or more: got {threads}")
    options: dict[str, Any] = {
        "device": device,
        "precision": precision,
        "keep_best": keep_best,
        "objective": objective,
    }
    if tasks[0].network != "mlp":
        return ModulePopulation(tasks, data_seeds, network_seeds, threads=threads, **options)
    threads = 1 if resolve_device(device).type != "cpu" else min(threads, len(tasks))
    if threads == 1:
        return PopulationTrainer(tasks, data_seeds, network_seeds, **options)
    return ThreadedPopulation(tasks, data_seeds, network_seeds, threads=threads, **options)
