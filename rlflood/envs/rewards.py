"""What an environment pays for a step."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError
from rlflood.metrics import Array

RewardKind = Literal["accuracy", "improvement", "final", "held-out"]


def check_reward(kind: str) -> None:
    """Raise an InputError unless ``kind`` is a reward."""
    if kind not in get_args(RewardKind):
        raise InputError(f"unknown reward {kind!r}: use one of {', '.join(get_args(RewardKind))}")


def reward(kind: RewardKind, before: Array, after: Array, last: bool, held_out: Array | None = None) -> Array:
    """The reward of a step, shape ``(replicas,)``.

    ``accuracy`` is the validation accuracy after the step; ``improvement`` its change, from 0 before the
    first step, so that an episode's rewards sum to the final validation accuracy; ``final`` the validation
    accuracy after the last step, and 0 before; ``held-out`` the accuracy after the last step on samples that
    nothing else sees, with clean labels.

    A policy that sees the validation accuracy and is paid by it learns to end where chance makes it high.
    ``held-out`` pays what is wanted, and with less noise where it has more samples.

    Args:
        kind: Which of them.
        before: Validation accuracy before the step; 0 at the start of the episode.
        after: Validation accuracy after the step.
        last: Whether the step ends the epoch budget.
        held_out: Accuracy on the held-out samples after the last step; only ``held-out`` needs it.
    """
    if kind == "accuracy":
        return after.copy()
    if kind == "improvement":
        return after - before
    if not last:
        return np.zeros_like(after)
    if kind == "held-out":
        assert held_out is not None
        return held_out.copy()
    return after.copy()


def relative_to_group(rewards: Array, episodes: NDArray[np.int64]) -> Array:
    """Each reward less the mean reward of the others on the same episode's task.

    Tasks differ by far more than actions do; what siblings on the same data and initialisation get is the
    baseline that takes the task out (a leave-one-out baseline, which leaves the policy gradient unbiased).

    Args:
        rewards: Shape ``(replicas,)``.
        episodes: Equal numbers for replicas on the same task, seeds and step. One without siblings gets 0.
    """
    _, group = np.unique(episodes, return_inverse=True)
    counts = np.bincount(group)[group]
    sums = np.bincount(group, weights=rewards)[group]
    others = (sums - rewards) / np.maximum(counts - 1, 1)
    return np.where(counts > 1, rewards - others, 0.0)
