"""Partial dependence of the level on two observations, against levels worked out another way."""

import dataclasses

import numpy as np
import pytest

from rlflood.control import LevelSet
from rlflood.control.features import FEATURES
from rlflood.experiments.explain import importances, plane_of
from rlflood.experiments.explain.plane import POINTS, THIRDS

LOSS, ACCURACY = "validation loss", "train accuracy"
COLUMNS = [FEATURES["metrics"].index(name) for name in (LOSS, ACCURACY)]


def seen(runs=8, decisions=7, seed=0):
    return np.random.default_rng(seed).normal(size=(runs, decisions, 4))


def surface_of(rollouts):
    return plane_of(rollouts, importances(rollouts))


def test_the_level_of_a_controller_of_two_observations(linear, invented):
    """It takes the higher level where loss + accuracy / 2 is above 0, whatever else there is."""
    controller = linear({(1, LOSS): 2, (1, ACCURACY): 1}, levels=LevelSet((0.1, 0.7)), observation="metrics")
    rollouts = invented(controller, seen())
    surface = surface_of(rollouts)
    assert (surface.x.feature, surface.y.feature) == (LOSS, ACCURACY)
    expected = np.where(surface.x_values + surface.y_values[:, None] / 2 > 0, 0.7, 0.1)
    assert [panel.title for panel in surface.panels] == list(THIRDS)
    for panel in surface.panels:
        np.testing.assert_allclose(panel.levels, expected)
    assert len(np.unique(expected)) == 2


def test_a_constant_controller_has_a_flat_plane(linear, rolled_out):
    surface = surface_of(rolled_out(linear(bias=[0, 1, 0])))
    for panel in surface.panels:
        assert (panel.levels == 0.5).all()


def test_the_grid_spans_what_was_seen_after_the_first_decision(random_controller, invented):
    observations = seen()
    observations[:, 0] = 100.0 + np.arange(8)[:, None]
    surface = surface_of(invented(random_controller(observation="metrics"), observations))
    for values, axis in ((surface.x_values, surface.x), (surface.y_values, surface.y)):
        later = observations[:, 1:, axis.column].astype(np.float32)
        assert values[[0, -1]] == pytest.approx(np.percentile(later, [5, 95]))
        assert len(values) == POINTS
    columns = [surface.x.column, surface.y.column]
    # of 7 decisions the first third has 3, less the first one; 2 and 2 follow
    for panel, numbers in zip(surface.panels, ([1, 2], [3, 4], [5, 6]), strict=True):
        expected = observations[:, numbers][..., columns].reshape(-1, 2)
        np.testing.assert_array_equal(panel.seen, expected.astype(np.float32))


@pytest.mark.parametrize("memory", [0, 3])
def test_every_state_counts_with_all_else_as_it_was(random_controller, invented, memory):
    """A point of the grid by a loop of its own."""
    controller = random_controller(5, observation="metrics", memory=memory)
    observations = seen(4, 4)
    state = np.random.default_rng(1).normal(size=(16, 2, memory)) if memory else None
    surface = surface_of(invented(controller, observations, memory=state))
    levels = np.asarray(controller.spec.levels.values)
    values = []
    for run in range(4):
        changed = observations[run, 2].astype(np.float32)
        changed[surface.x.column], changed[surface.y.column] = surface.x_values[20], surface.y_values[3]
        own = None if state is None else state[[4 * run + 2]]
        values.append(levels[controller.act(changed[None], own)[0][0]])
    assert surface.panels[1].title == "middle third"
    assert surface.panels[1].levels[3, 20] == pytest.approx(np.mean(values))
    assert any(len(np.unique(panel.levels)) > 2 for panel in surface.panels)


def test_of_many_states_some_are_enough(linear, invented):
    """A controller of two observations gives the same levels whichever states are averaged."""
    controller = linear({(1, LOSS): 2, (1, ACCURACY): 1}, levels=LevelSet((0.1, 0.7)), observation="metrics")
    surface = surface_of(invented(controller, seen(200, 9)))
    assert len(surface.panels[1].seen) == 600
    expected = np.where(surface.x_values + surface.y_values[:, None] / 2 > 0, 0.7, 0.1)
    np.testing.assert_allclose(surface.panels[1].levels, expected)


def test_time_is_no_axis_and_neither_is_what_never_differs(linear, rolled_out):
    time = "share of the budget spent"
    rollouts = rolled_out(linear({(1, time): 8}, [0, -4, -9]))
    assert len(np.unique(rollouts.chosen)) == 2
    surface = surface_of(rollouts)
    assert time not in (surface.x.feature, surface.y.feature)
    early, middle, late = (np.unique(panel.levels) for panel in surface.panels)
    # it waits until half of the budget is spent
    assert early.tolist() == [0.0] and late.tolist() == [0.5] and len(middle) == 1


def test_an_observation_that_seldom_differs_has_its_whole_range(linear, invented):
    controller = linear({(1, LOSS): 1}, levels=LevelSet((0.1, 0.7)), observation="metrics")
    observations = seen(20, 3)
    observations[..., COLUMNS[0]] = -1
    observations[0, 1, COLUMNS[0]] = 1
    surface = surface_of(invented(controller, observations))
    assert surface.x.feature == LOSS
    assert surface.x_values[[0, -1]].tolist() == [-1, 1]


@pytest.mark.parametrize("decisions", [1, 3])
def test_without_two_observations_that_differ_there_is_no_plane(linear, invented, decisions):
    controller = linear({(1, LOSS): 1}, levels=LevelSet((0.1, 0.7)), observation="metrics")
    observations = np.zeros((5, decisions, 4))
    observations[..., COLUMNS[0]] = np.arange(5)[:, None]
    assert surface_of(invented(controller, observations)) is None


def test_few_decisions_have_few_panels(random_controller, invented):
    rollouts = invented(random_controller(observation="metrics"), seen(6, 2))
    # the second of two decisions falls in the middle
    assert [panel.title for panel in surface_of(rollouts).panels] == ["middle third"]
    late = dataclasses.replace(rollouts.decisions, third=np.full(12, 2))
    titles = [panel.title for panel in surface_of(dataclasses.replace(rollouts, decisions=late)).panels]
    assert titles == ["last third"]
