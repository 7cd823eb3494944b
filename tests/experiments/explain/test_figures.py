"""Figures and tables of an explanation: what they say, also of controllers that have nothing to show."""

import dataclasses
import re
import warnings

import numpy as np
import pytest

from rlflood.control import LevelSet
from rlflood.control.features import FEATURES
from rlflood.experiments.explain import (
    explain_figures,
    importance_rows,
    importances,
    level_rows,
    notes,
    plane_of,
)
from rlflood.experiments.explain.figures import draw_importance, draw_plane, draw_schedule
from rlflood.experiments.report.figures.canvas import house_style, rendered

Axes = pytest.importorskip("matplotlib.axes").Axes


def svg(canvas):
    """What stands in a figure; Matplotlib writes each text as a comment beside its outlines."""
    with warnings.catch_warnings(), house_style():
        warnings.simplefilter("error")
        return in_words(rendered(canvas, "svg"))


def in_words(content):
    return " ".join(" ".join(re.findall(r"<!-- (.*?) -->", content.decode(), re.DOTALL)).split())


def drawn(draw, *arguments):
    with house_style():
        return draw(*arguments)


def surface_of(rollouts):
    return plane_of(rollouts, importances(rollouts, permutations=2))


@pytest.fixture(scope="module")
def watched(random_controller, rolled_out):
    return rolled_out(random_controller(7), 3, (0.0, 0.4))


def test_what_stands_in_the_figures(watched):
    found = importances(watched, permutations=2)
    name = "my_$controller"
    importance = svg(drawn(draw_importance, name, watched, found))
    plane = svg(drawn(draw_plane, name, watched, plane_of(watched, found)))
    schedule = svg(drawn(draw_schedule, name, watched))
    for text in (importance, plane, schedule):
        assert "my_$controller: " in text and "ome tasks" in text
    for feature in FEATURES["extended"]:
        assert feature in importance
    assert "Not shown, being the same in all runs at a decision: share of the budget spent." in importance
    for text in (
        "first third of the run",
        "middle third",
        "last third",
        "(share of the best validation loss)",
    ):
        assert text in plane
    for text in ("0 % label noise", "40 % label noise", "training loss", "validation loss", "flood level"):
        assert text in schedule


def test_the_same_each_time(watched):
    found = importances(watched, permutations=2)[:3]
    first, second = (next(explain_figures("mine", watched, found, None)) for _ in range(2))
    assert first == second and first[1].startswith(b"\x89PNG")


def test_a_controller_that_hangs_on_nothing(linear, rolled_out):
    rollouts = rolled_out(linear(bias=[0, 0, 1]), 2)
    found = importances(rollouts)
    assert "hang on nothing" in svg(drawn(draw_importance, "mine", rollouts, found))
    canvas = drawn(draw_plane, "mine", rollouts, plane_of(rollouts, found))
    assert "hangs on nothing" in svg(canvas)
    panels = [panel for panel in canvas.findobj(Axes) if panel.get_title()]
    assert len(panels) == 3
    low, high = panels[0].collections[0].get_clim()
    assert low < 0.9 - 0.04 and high > 0.9 + 0.04  # one colour, whatever the last bits of the means
    assert importance_rows(found)[1] == [("nothing that differs between runs", "0", "0")]


def test_a_controller_of_one_observation_and_absolute_levels(linear, rolled_out):
    levels = LevelSet((0.0, 0.1, 0.3))
    rollouts = rolled_out(linear({(1, "train accuracy"): 5}, [0, -2, -9], levels=levels), 3, (0.2,))
    assert "hangs on one observation only" in svg(drawn(draw_plane, "mine", rollouts, surface_of(rollouts)))
    schedule = svg(drawn(draw_schedule, "mine", rollouts))
    assert "level / best" not in schedule and "grey" not in schedule
    ((name, *_),) = importance_rows(importances(rollouts))[1]
    assert name == "train accuracy"
    assert "in nats" in notes(rollouts)[0]


def test_levels_by_the_turning_point_are_shares_of_the_train_loss_there(linear, rolled_out):
    levels = LevelSet((0.0, 0.6, 0.8), "turning-point")
    controller = linear({(1, "train accuracy"): 5}, [0, -2, -9], levels=levels, observation="turning-point")
    rollouts = rolled_out(controller, 3, (0.2,))
    found = importances(rollouts)
    assert "as a share of the train loss at the turn" in notes(rollouts)[0]
    assert "(share of the train loss at the turn)" in svg(drawn(draw_importance, "mine", rollouts, found))
    assert "nats" in svg(drawn(draw_schedule, "mine", rollouts))


def test_a_single_decision_has_no_plane(random_controller, rolled_out):
    rollouts = rolled_out(random_controller(decisions=1), 2)
    assert "no plane to draw" in svg(drawn(draw_plane, "mine", rollouts, surface_of(rollouts)))


@pytest.mark.parametrize("changes", [{"optimizer": "sgd", "learning_rate": 1e9}, {"epochs": 1}])
def test_runs_that_diverge_or_end_at_once_have_schedules(random_controller, rolled_out, changes):
    assert "0 % label noise" in svg(
        drawn(draw_schedule, "mine", rolled_out(random_controller(), 2, (0.0,), changes=changes))
    )


def test_no_loss_at_all(watched):
    nothing = np.full_like(watched.train_loss, np.nan)
    rollouts = dataclasses.replace(watched, train_loss=nothing, val_loss=nothing, levels=nothing)
    assert "40 % label noise" in svg(drawn(draw_schedule, "mine", rollouts))


def test_no_more_than_eight_observations_in_the_table(watched):
    columns, rows = importance_rows(importances(watched))
    assert len(columns) == 3 and len(rows) == 8
    values = [float(row[1].split(" ± ")[0]) for row in rows]
    assert values == sorted(values, reverse=True) and values[0] > 0


def test_mean_levels_by_hand(watched):
    levels, fractions = np.zeros((6, 12)), np.zeros((6, 12))
    noisy = watched.label_noise == 0.4
    first = np.flatnonzero(noisy)[0]
    levels[noisy] = np.repeat([0.1, 0.2, 0.3], 4)
    levels[first] *= 4  # the mean over three draws is twice as high
    fractions[noisy] = np.repeat([0.5, 0.6, np.nan], 4)
    fractions[first, :2] = np.nan  # not counted
    columns, rows = level_rows(dataclasses.replace(watched, levels=levels, fractions=fractions))
    assert columns[0] == "label noise" and [row[0] for row in rows] == ["0 %", "40 %"]
    assert rows[0][1:] == ("0.000 (0.000)",) * 3
    assert rows[1][1:] == ("0.500 (0.200)", "0.600 (0.400)", "- (0.600)")
    endless = level_rows(dataclasses.replace(watched, levels=levels + 1e9))[1]
    assert endless[0][1].endswith("(1.0e+09)")
