"""The one loop that trains networks under a scheduler and writes down what happens."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.record import Array, Runs
from rlflood.experiments.setting import Progress, Setting, no_progress
from rlflood.metrics import Metrics
from rlflood.schedulers import FloodScheduler
from rlflood.training import make_population

MOST_REPLICAS = 64
MOST_PARAMETERS = 64_000_000
"""Weights of a whole stack; gradients, Adam's moments and the best checkpoints take four times that again."""

MakeScheduler: TypeAlias = Callable[[NDArray[np.int64]], FloodScheduler]
"""Given the numbers of the runs that are trained together, shape ``(replicas,)``, a scheduler for them."""


def run_schedule(
    setting: Setting,
    make: MakeScheduler,
    *,
    runs_per_repeat: int = 1,
    on_progress: Progress = no_progress,
) -> Runs:
    """Train every repeat of a setting under schedulers, as stacked replicas.

    Run ``r * runs_per_repeat + k`` is the ``k``-th of repeat ``r``; all of a repeat share its seeds. More
    runs than memory should hold at once are trained one stack after the other.

    Args:
        setting: Task, seeds, device and precision.
        make: Makes the scheduler of each stack.
        runs_per_repeat: Runs of each repeat.
        on_progress: Told of every epoch of every stack.

    Raises:
        InputError: if the task's data cannot be loaded or is too small for its splits.
    """
    total = setting.repeats * runs_per_repeat
    repeat = np.arange(total) // runs_per_repeat
    largest = max(1, min(MOST_REPLICAS, MOST_PARAMETERS // _parameters(setting)))
    edges = np.linspace(0, total, ceil(total / largest) + 1).round().astype(int)
    epochs = setting.task.epochs
    stacks = []
    for start, end in pairwise(edges.tolist()):
        numbers = np.arange(start, end)
        before, size = start * epochs, end - start

        def after_epoch(epoch: int, before: int = before, size: int = size) -> None:
            on_progress(before + epoch * size, total * epochs)

        stacks.append(_run_stack(setting, repeat[start:end], make(numbers), after_epoch))
    return Runs(*(np.concatenate([getattr(runs, name) for runs in stacks]) for name in Runs.__slots__))


def _run_stack(
    setting: Setting,
    repeat: NDArray[np.int64],
    scheduler: FloodScheduler,
    after_epoch: Callable[[int], None],
) -> Runs:
    trainer = make_population(
        [setting.task] * len(repeat),
        [setting.data_seeds[r] for r in repeat],
        [setting.network_seeds[r] for r in repeat],
        device=setting.device,
        precision=setting.precision,
        threads=setting.threads,
        keep_best=True,
    )
    levels: list[Array] = []
    history: list[Metrics] = []
    for epoch in range(setting.task.epochs):
        levels.append(np.broadcast_to(scheduler.level, len(repeat)).astype(np.float64))
        history.append(trainer.run_epoch(levels[-1]))
        scheduler.step(history[-1])
        after_epoch(epoch + 1)
    final, best = trainer.evaluate("test"), trainer.evaluate("test", "best")
    curves = {
        name: np.stack([getattr(metrics, name) for metrics in history], axis=1) for name in Metrics.__slots__
    }
    return Runs(
        levels=np.stack(levels, axis=1),
        **curves,
        test_acc_final=final.clean_accuracy,
        test_acc_best=best.clean_accuracy,
        noisy_test_acc_final=final.accuracy,
        noisy_test_acc_best=best.accuracy,
    )


def _parameters(setting: Setting) -> int:
    source = setting.task.source()
    sizes = (source.features, *setting.task.hidden, source.classes)
    return sum((a + 1) * b for a, b in pairwise(sizes))
