"""Which observations a controller's choices hang on: permutation importance of a policy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.analysis.statistics import Interval, mean_interval
from rlflood.experiments.explain.rollouts import Rollouts
from rlflood.metrics import Array

PERMUTATIONS = 20


@dataclass(frozen=True, slots=True)
class Importance:
    """How much a controller's choices hang on one observation.

    Attributes:
        feature: The observation's name.
        column: Its place among the features.
        varies: Whether runs differ in it at any decision. Where they don't, as in the share of the budget
            spent, there is nothing to permute, and the importance is 0 whatever the controller makes of it.
        level_change: Mean absolute change of the chosen level, in the unit of the controller's levels.
        probability_moved: Mean total variation distance of the action probabilities, from 0 to 1.
    """

    feature: str
    column: int
    varies: bool
    level_change: Interval
    probability_moved: Interval


def importances(rollouts: Rollouts, *, permutations: int = PERMUTATIONS, seed: int = 0) -> list[Importance]:
    """Permutation importance (Breiman, Random Forests, 2001) of each observation, the greatest first.

    One feature at a time is permuted among the decisions of the same number in all runs: time's part in it
    stays, the task's goes. With ``a`` and ``p`` the action and the action probabilities at what the
    controller saw, and ``a'`` and ``p'`` those with the feature permuted, the importance is the mean over
    decisions and permutations of ``|level(a') - level(a)|``, in the unit of the level set, and of
    ``sum |p' - p| / 2``. Intervals are Student's over the draws, means over the other things.

    Of a controller with a memory only the present observation is permuted; it remembers what it remembered.
    Features that go together share what hangs on them: neither is then as important as both.

    Args:
        rollouts: Of two draws or more.
        permutations: Of each feature.
        seed: Of the permutations.
    """
    decisions = rollouts.decisions
    rng = np.random.default_rng(seed)
    in_order = np.argsort(decisions.number, kind="stable")
    draw = rollouts.draw[decisions.run]
    levels, probabilities = _choices(rollouts, decisions.observations)
    found = []
    for column, feature in enumerate(rollouts.features):
        values = decisions.observations[:, column]
        varies = _varies(values, decisions.number)
        moved = np.zeros((2, len(values)))
        for _ in range(permutations if varies else 0):
            changed = decisions.observations.copy()
            changed[in_order, column] = values[np.lexsort((rng.random(len(values)), decisions.number))]
            new_levels, new_probabilities = _choices(rollouts, changed)
            moved[0] += np.abs(new_levels - levels) / permutations
            moved[1] += np.abs(new_probabilities - probabilities).sum(axis=1) / 2 / permutations
        by_draw = [np.bincount(draw, row) / np.bincount(draw) for row in moved]
        found.append(Importance(feature, column, varies, *map(mean_interval, by_draw)))
    return sorted(
        found, key=lambda i: (i.level_change.mean, i.probability_moved.mean, i.varies), reverse=True
    )


def _choices(rollouts: Rollouts, observations: NDArray[np.float32]) -> tuple[Array, Array]:
    """The level of the most probable action ``(rows,)``, and the probabilities ``(rows, actions)``."""
    logits, _ = rollouts.controller.logits(observations, rollouts.decisions.memory)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=float)
    levels = rollouts.levels_of(logits.argmax(axis=1), rollouts.decisions.present)
    return levels, weights / weights.sum(axis=1, keepdims=True)


def _varies(values: NDArray[np.float32], number: NDArray[np.int64]) -> bool:
    low, high = np.full(number.max() + 1, np.inf), np.full(number.max() + 1, -np.inf)
    np.minimum.at(low, number, values)
    np.maximum.at(high, number, values)
    return bool((high > low).any())
