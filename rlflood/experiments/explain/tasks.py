"""The tasks that a controller is watched on: none that it was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlflood.control import Controller
from rlflood.envs.episode import Draw
from rlflood.errors import InputError
from rlflood.experiments.runs.sizes import task_fields
from rlflood.training import Task
from rlflood.training.distribution import FixedTask, Mixture, TaskSource
from rlflood.validation import validated


def mixture_of(controller: Controller) -> tuple[Mixture, str]:
    """The mixture that the controller was trained on, and its draws in words.

    It is the default one if the controller's file names none, or one that this version does not know.
    """
    preset = controller.provenance.get("preset")
    tasks = preset.get("tasks") if isinstance(preset, dict) else None
    if isinstance(tasks, dict):
        try:
            own = validated(Mixture, tasks, "the controller's task distribution")
        except InputError:
            pass
        else:
            return own, "fresh tasks of the mixture that it was trained on"
    return Mixture(), "tasks of the default mixture (its file names none that can be used)"


def data_set(
    data: str,
    target: str | None,
    train_size: int | None,
    val_size: int | None,
    others: Mapping[str, Any] | None = None,
) -> tuple[FixedTask, str]:
    """One data set, and its draws in words: they differ in samples, splits and initialisation.

    Args:
        data, target: As for a :class:`~rlflood.training.Task`.
        train_size, val_size: Of the splits; see :func:`~rlflood.experiments.runs.sizes.filled_sizes`.
        others: Other fields of the task that are given.

    Raises:
        InputError: if the data cannot be used.
    """
    sizes = {"train_size": train_size, "val_size": val_size}
    fields = task_fields(None, {"data": data, "target": target, **sizes, **(others or {})})
    # nobody looks at the test split here: no reason to draw 20,000 samples for it
    fields["test_size"] = min(fields["test_size"], fields["val_size"])
    task = validated(Task, fields, "the task")
    return FixedTask(task), f"draws from {Path(data).name}"


def describe_runs(kind: str, count: int, label_noise: Sequence[float]) -> str:
    """How many draws of what kind, each trained at which label noises, in words."""
    *others, last = [f"{100 * noise:g}" for noise in label_noise]
    noises = f"each at {', '.join(others)} and {last}" if others else f"at {last}"
    return f"{count} {kind}, {noises} % label noise"


def fresh_tasks(
    source: TaskSource,
    count: int,
    seed: int,
    label_noise: Sequence[float],
    changes: Mapping[str, Any] | None = None,
) -> list[list[Draw]]:
    """Draw tasks and their seeds; draw ``i`` is the same whatever ``count`` is.

    Args:
        source: Where tasks come from.
        count: How many.
        seed: All randomness comes from it.
        label_noise: Instead of the tasks' own.
        changes: Fields of a task that are set in each of them.

    Returns:
        A row for each draw, with the same task and seeds at each label noise.

    Raises:
        InputError: if a label noise or a field is not usable.
    """
    rows = []
    for number in range(count):
        # training begins its generators with seeds alone, so no spawned one repeats what it drew
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        draw = Draw.from_rng(source, rng)
        fields = {**draw.task.model_dump(), **(changes or {})}
        tasks = [validated(Task, {**fields, "label_noise": noise}, "the task") for noise in label_noise]
        rows.append([Draw(task, draw.data_seed, draw.network_seed) for task in tasks])
    return rows
