"""The keywords that both environments take."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlflood.control.features import ObservationKind
from rlflood.control.levels import LevelSet, LevelUnit, level_set
from rlflood.control.spec import ControlSpec
from rlflood.control.turning_point import TurnSign
from rlflood.envs.episode import EpisodeSettings
from rlflood.envs.rewards import RewardKind, check_reward
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.strengths import CriterionName
from rlflood.training import Machine, Precision, Task
from rlflood.training.distribution import FixedTask, Mixture, TaskSource
from rlflood.validation import validated

MIXTURE = "mixture"
_DRAWN = ("target", "label_noise", "data_options")
"""Fields that each task of the mixture has its own of."""


def episode_settings(
    criterion: CriterionName = "cross-entropy",
    *,
    levels: str | tuple[float, ...] | LevelSet = "two-gaussians",
    level_unit: LevelUnit | None = None,
    observation: ObservationKind = "metrics",
    reward: RewardKind = "accuracy",
    epochs_per_step: int | None = None,
    decisions: int | None = None,
    turn: TurnSign = "loss",
    hold: Hold | Mapping[str, float] = Hold(),
    returning: bool = False,
    average: bool = False,
    strengths: Sequence[float] = (),
    failure_penalty: float = 1.0,
    device: str = "cpu",
    precision: Precision = "float32",
    threads: int = 1,
) -> EpisodeSettings:
    """Check the keywords that describe an environment but for its task.

    Args:
        criterion: What ``strengths`` are of.
        levels: The actions: a preset (``two-gaussians``, ``cifar10``, ``relative``) or values.
        level_unit: The unit of values: ``absolute`` (nats; if not given), ``relative`` (fractions of the
            best validation loss so far), ``turning-point`` (multiples of the train loss there) or
            ``guessing`` (multiples of ``log(classes)``). A named set has its own.
        observation: ``metrics``, or another of ``rlflood.control.features.OBSERVATIONS``.
        reward: ``accuracy``, ``improvement``, ``final`` or ``held-out``.
        epochs_per_step: Epochs that one step trains; 1 if ``decisions`` is not given either.
        decisions: Steps of an episode, spread evenly over its epochs; instead of ``epochs_per_step``.
        turn: What tells that a run has turned: ``loss`` or ``accuracy``, of the validation split.
        hold: How a level acts on the losses of mini-batches; or a table of the fields of a
            :class:`~rlflood.holding.Hold`, such as ``{"batches": 16, "ascent": 0.25}``.
        returning: Whether there is one more action, the last: to put the best weights back.
        average: Whether the rewards, and the last step's ``info``, are those of the averaged network.
        strengths: With some, an action is a pair of a level and one of these strengths of the criterion, in
            rising order: number ``level * len(strengths) + strength``.
        failure_penalty: A run whose loss is no longer finite ends with the reward ``-failure_penalty``.
        device: Where to train.
        precision: ``float32``, ``bfloat16`` or ``auto``.
        threads: CPU threads, each with a part of the replicas.

    Raises:
        InputError: if one of them is not usable.
    """
    check_reward(reward)
    for name, number in (
        ("epochs_per_step", epochs_per_step),
        ("decisions", decisions),
        ("threads", threads),
    ):
        if number is not None and (isinstance(number, bool) or not isinstance(number, Integral)):
            raise InputError(f"{name} must be a whole number: got {number!r}")
    if decisions is None:
        epochs_per_step = 1 if epochs_per_step is None else epochs_per_step
        if epochs_per_step < 1:
            raise InputError(f"epochs_per_step must be 1 or more: got {epochs_per_step}")
    elif epochs_per_step is not None:
        raise InputError(
            f"give either epochs_per_step or decisions, not both (got {epochs_per_step} and {decisions}); "
            "an environment that has decisions set takes decisions=None"
        )
    if not isinstance(failure_penalty, Real) or not math.isfinite(failure_penalty):
        raise InputError(f"failure_penalty must be a finite number: got {failure_penalty!r}")
    for name, truth in (("returning", returning), ("average", average)):
        if not isinstance(truth, bool):
            raise InputError(f"{name} must be True or False: got {truth!r}")
    machine = Machine(device, precision, threads)
    spec = ControlSpec(
        observation,
        level_set(levels, level_unit),
        1 if decisions is None else decisions,
        turn=turn,
        hold=_hold(hold),
        returning=returning,
        average=average,
        criterion=criterion,
        strengths=_strengths(strengths),
    )
    return EpisodeSettings(spec, epochs_per_step, reward, failure_penalty, machine)


def _strengths(given: Sequence[float]) -> tuple[float, ...]:
    try:
        return tuple(float(strength) for strength in given)
    except (TypeError, ValueError):
        raise InputError(f"strengths must be numbers, such as 0, 1, 3: got {given!r}") from None


def _hold(given: Hold | Mapping[str, float]) -> Hold:
    """How levels are held, from a table of its fields if it is one."""
    if isinstance(given, Hold):
        return given
    names = [field.name for field in dataclasses.fields(Hold)]
    if (
        not isinstance(given, Mapping)
        or not set(given) <= set(names)
        or not all(isinstance(value, Real) for value in given.values())
    ):
        raise InputError(f"hold must be a Hold or a table of its numbers ({', '.join(names)}): got {given!r}")
    return Hold(**{name: float(value) for name, value in given.items()})


def task_source(tasks: TaskSource | None, fields: dict[str, Any]) -> TaskSource:
    """Where the episodes' tasks come from: ``tasks``, or the task with the fields given by keyword.

    ``data="mixture"`` is the synthetic mixture, whose tasks share the other fields.

    Raises:
        InputError: if a field is unknown or has a wrong value, or both ways are used.
    """
    if tasks is not None:
        if fields:
            raise InputError(
                f"give either tasks or the fields of one task, not both (got {', '.join(fields)})"
            )
        return tasks
    if fields.get("data") == MIXTURE:
        own = [name for name in _DRAWN if name in fields]
        if own:
            raise InputError(
                f"the mixture draws {', '.join(own)} itself for each task: leave it out, or give tasks="
                "rlflood.training.distribution.Mixture(...) with the ranges to draw from"
            )
        shared = {name: value for name, value in fields.items() if name != "data"}
        return Mixture(base=validated(Task, {"test_size": 500, **shared}, "the environment"))
    return FixedTask(validated(Task, fields, "the environment"))


def criterion_of(tasks: TaskSource, keywords: Mapping[str, Any]) -> CriterionName:
    """What an environment's strengths are of: the criterion of one of its tasks, as all have to have it.

    Args:
        tasks: Where they are drawn from.
        keywords: Those of the environment; without strengths no task is drawn.
    """
    if not np.size(keywords.get("strengths", ())):
        return "cross-entropy"
    return tasks.draw(np.random.default_rng(0)).criterion


def observation_space(settings: EpisodeSettings) -> spaces.Space[NDArray[np.float32]]:
    """The space of one replica's observation."""
    low, high = settings.spec.bounds
    space: spaces.Space[NDArray[np.float32]] = spaces.Box(low, high, dtype=np.float32)
    return space
