"""Permutation importance, on controllers that hang on what we know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control import LevelSet
from rlflood.control.features import FEATURES
from rlflood.experiments.explain import importances

TWO = LevelSet((0.2, 0.8))
LOSS, ACCURACY = "validation loss", "train accuracy"


def by_name(found):
    return {importance.feature: importance for importance in found}


def test_only_what_a_controller_looks_at_is_important(linear, rolled_out):
    """Levels rise with train accuracy at thresholds of .3 and .6, and hang on nothing else."""
    controller = linear({(1, ACCURACY): 10, (2, ACCURACY): 30}, [0, -3, -15])
    rollouts = rolled_out(controller)
    first, *others = importances(rollouts)
    assert first.feature == ACCURACY
    assert first.level_change.mean > 0.05 and first.probability_moved.mean > 0.05
    assert len(others) == len(FEATURES["extended"]) - 1
    assert all(i.level_change.mean == i.probability_moved.mean == 0 for i in others)


def test_a_constant_controller_hangs_on_nothing(linear, rolled_out):
    found = importances(rolled_out(linear(bias=[0, 1, 0])))
    assert [i.feature for i in found if i.varies] == [
        name for name in FEATURES["extended"] if name != "share of the budget spent"
    ]
    assert all(i.level_change.mean == i.probability_moved.mean == 0 for i in found)


def test_two_runs_that_swap_by_hand(linear, invented):
    """Of two runs a permutation swaps both or none: changes are the full ones times the share of swaps."""
    controller = linear({(1, LOSS): 1}, levels=TWO, observation="metrics")
    seen = np.zeros((2, 1, 4))
    seen[:, 0, FEATURES["metrics"].index(LOSS)] = [-np.log(3), np.log(3)]  # probabilities 1/4 and 3/4
    found = by_name(importances(invented(controller, seen), permutations=400))[LOSS]
    swaps = found.level_change.mean / 0.6
    assert 0.4 < swaps < 0.6
    assert found.probability_moved.mean == pytest.approx(0.5 * swaps, rel=1e-6)
    # both runs change alike, so their intervals have no width
    assert found.level_change.half == pytest.approx(0, abs=1e-12)


def test_values_stay_at_their_decision(linear, invented):
    """What differs between decisions but not between runs has nothing to permute."""
    controller = linear({(1, LOSS): 1, (1, ACCURACY): 1}, levels=TWO, observation="metrics")
    rng = np.random.default_rng(0)
    seen = np.zeros((6, 5, 4))
    seen[:, :, FEATURES["metrics"].index(LOSS)] = np.linspace(-1, 1, 5)
    seen[:, 2, FEATURES["metrics"].index(ACCURACY)] = rng.normal(size=6)
    found = by_name(importances(invented(controller, seen)))
    assert not found[LOSS].varies and found[LOSS].probability_moved.mean == 0
    assert found[ACCURACY].varies and found[ACCURACY].probability_moved.mean > 0


def test_the_interval_is_over_draws_not_runs(linear, invented):
    controller = linear({(1, LOSS): 2}, levels=TWO, observation="metrics")
    seen = np.repeat(np.random.default_rng(0).normal(size=(3, 3, 4)), 4, axis=0)
    rollouts = invented(controller, seen)
    apart = by_name(importances(rollouts, seed=1))[LOSS].probability_moved
    rollouts.draw[:] = np.arange(12) // 4
    together = by_name(importances(rollouts, seed=1))[LOSS].probability_moved
    assert together.mean == pytest.approx(apart.mean)
    assert together.half > apart.half  # that a draw has four runs alike tells nothing more of it


def test_a_memory_stays_as_it_was(random_controller, invented):
    """By a path of its own: the feature exchanged, the memory not, one row at a time."""
    controller = random_controller(9, memory=3, observation="metrics")
    rng = np.random.default_rng(0)
    rollouts = invented(controller, rng.normal(size=(6, 4, 4)), memory=rng.normal(size=(24, 2, 3)))
    decisions = rollouts.decisions
    column = FEATURES["metrics"].index(ACCURACY)
    found = by_name(importances(rollouts, permutations=300))[ACCURACY].level_change.mean
    levels = np.asarray(controller.spec.levels.values)

    def chosen(row, value):
        seen = decisions.observations[row : row + 1].copy()
        seen[0, column] = value
        return levels[controller.act(seen, decisions.memory[row : row + 1])[0][0]]

    changes = []
    for row in range(len(decisions.run)):
        # a random permutation gives each place every value of its decision equally often
        values = decisions.observations[decisions.number == decisions.number[row], column]
        now = chosen(row, decisions.observations[row, column])
        changes.append(np.mean([abs(chosen(row, value) - now) for value in values]))
    assert np.mean(changes) > 0.05
    assert found == pytest.approx(np.mean(changes), rel=0.05)


@given(seed=st.integers(0, 2**31), memory=st.sampled_from([0, 2]))
def test_bounds_and_order(random_controller, invented, seed, memory):
    rng = np.random.default_rng(seed)
    controller = random_controller(seed, memory=memory, observation="metrics")
    seen = rng.normal(size=(3, 4, 4))
    state = rng.normal(size=(12, 2, memory)) if memory else None
    found = importances(invented(controller, seen, memory=state), permutations=3, seed=seed)
    assert {i.feature for i in found} == set(FEATURES["metrics"])
    changes = [i.level_change.mean for i in found]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] >= 0 and changes[0] <= 0.9
    for importance in found:
        assert 0 <= importance.probability_moved.mean <= 1
        if importance.probability_moved.mean == 0:
            assert importance.level_change.mean == 0
