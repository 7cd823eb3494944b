"""What an environment pays for a step."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError

RewardKind = Literal["accuracy", "improvement", "final"]
Array = NDArray[np.float64]


def check_reward(kind: str) -> None:
    """Raise an InputError unless ``kind`` is a reward."""
    if kind not in get_args(RewardKind):
        raise InputError(f"unknown reward {kind!r}: use one of {', '.join(get_args(RewardKind))}")


def reward(kind: RewardKind, before: Array, after: Array, last: bool) -> Array:
    """The reward of a step, shape ``(replicas,)``.

    ``accuracy`` is the validation accuracy after the step; ``improvement`` its change, from 0 before the
    first step, so that an episode's rewards sum to the final validation accuracy; ``final`` the validation
    accuracy after the last step, and 0 before.

    Args:
        kind: Which of them.
        before: Validation accuracy before the step; 0 at the start of the episode.
        after: Validation accuracy after the step.
        last: Whether the step ends the epoch budget.
    """
    if kind == "accuracy":
        return after.copy()
    if kind == "improvement":
        return after - before
    return after.copy() if last else np.zeros_like(after)


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
