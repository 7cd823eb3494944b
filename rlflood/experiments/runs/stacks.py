"""Runs under schedulers, trained in stacks, with what happens written down."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.runs.checkpoints import Checkpoint, identity
from rlflood.experiments.runs.history import History
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.holding import Hold
from rlflood.schedulers import FloodScheduler
from rlflood.training import Machine, MakeObjective, Population, Task, make_population, run
from rlflood.training.averaging import average_steps
from rlflood.training.memory import free_memory, replicas_that_fit
from rlflood.training.size import network_size

MOST_REPLICAS = 64
MOST_PARAMETERS = 64_000_000
"""Weights of a whole stack; gradients, Adam's moments, the average and both best checkpoints take six times
that again."""

MakeScheduler: TypeAlias = Callable[[NDArray[np.int64]], FloodScheduler]
"""Given the numbers of the runs that are trained together, shape ``(replicas,)``, a scheduler for them."""


def run_schedule(
    setting: Setting,
    make: MakeScheduler,
    machine: Machine = Machine(),
    *,
    runs_per_repeat: int = 1,
    objective: MakeObjective | None = None,
    on_progress: Progress = no_progress,
    name: str | None = None,
) -> Runs:
    """Train every repeat of a setting under schedulers, as stacked replicas.

    Run ``r * runs_per_repeat + k`` is the ``k``-th of repeat ``r``; all of a repeat share its seeds. More
    runs than memory should hold at once are trained one stack after the other.

    Args:
        setting: Task and seeds.
        make: Makes the scheduler of each stack.
        machine: Where to train.
        runs_per_repeat: Runs of each repeat.
        objective: What is trained instead of the flooded loss; called with run numbers, as ``make`` is.
        on_progress: Told of every epoch of every stack.
        name: Of the method, which says how its schedulers and objectives are made; with it, and a folder for
            checkpoints on the machine, a run that was interrupted goes on.

    Raises:
        InputError: if the task's data cannot be loaded or is too small for its splits, or a checkpoint is
            damaged.
    """
    total = setting.repeats * runs_per_repeat
    repeat = np.arange(total) // runs_per_repeat
    edges = np.linspace(0, total, ceil(total / most_replicas(setting.task, machine)) + 1).round().astype(int)
    epochs = setting.task.epochs
    stacks = []
    for start, end in pairwise(edges.tolist()):
        numbers = np.arange(start, end)
        before, size = start * epochs, end - start

        def after_epoch(epoch: int, before: int = before, size: int = size) -> None:
            on_progress(before + epoch * size, total * epochs)

        own = None if objective is None else _of_runs(objective, numbers)
        scheduler = make(numbers)
        trainer = stack(setting, machine, repeat[start:end], hold=scheduler.hold, objective=own)
        file = None
        if name is not None and machine.checkpoints is not None:
            file = machine.checkpoints / f"{identity(name, setting, numbers, scheduler, machine)}.pt"
        checkpoint = Checkpoint(file)
        stacks.append(_run_stack(trainer, epochs, scheduler, checkpoint, after_epoch))
    return Runs.concat(stacks)


def most_replicas(task: Task, machine: Machine) -> int:
    """How many runs of a task a stack should hold, at least one: on a GPU as many as its memory does."""
    if machine.on_gpu:
        return replicas_that_fit(task, free_memory(machine.torch_device))
    return max(1, min(MOST_REPLICAS, MOST_PARAMETERS // network_size(task).parameters))


def stack(
    setting: Setting,
    machine: Machine,
    repeat: NDArray[np.int64],
    *,
    hold: Hold = Hold(),
    objective: MakeObjective | None = None,
    scored: bool = True,
) -> Population:
    """A trainer with one replica for each entry of ``repeat``, on the seeds of that repeat.

    It keeps all four networks of each run that is scored, and the last one of others.
    """
    return make_population(
        [setting.task] * len(repeat),
        [setting.data_seeds[r] for r in repeat],
        [setting.network_seeds[r] for r in repeat],
        machine=machine,
        keep_best=scored,
        average=average_steps(setting.task) if scored else None,
        hold=hold,
        objective=objective,
    )


def _run_stack(
    trainer: Population,
    epochs: int,
    scheduler: FloodScheduler,
    checkpoint: Checkpoint,
    after_epoch: Callable[[int], None],
) -> Runs:
    history = History()
    parts: dict[str, Any] = {"trainer": trainer, "scheduler": scheduler, "history": history}
    if checkpoint.restore(parts):
        after_epoch(trainer.epoch)
    for epoch in run(trainer, scheduler, epochs=epochs):
        history.add(trainer.levels, epoch)
        after_epoch(epoch.number)
        checkpoint.save(parts)
    runs = history.runs(trainer)
    checkpoint.finished()
    return runs


def _of_runs(objective: MakeObjective, numbers: NDArray[np.int64]) -> MakeObjective:
    """``objective`` for a trainer that knows its replicas by their place in the stack."""
    return lambda replicas: objective(numbers[replicas])
