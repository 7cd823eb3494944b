"""Printed figures: which files there are, what they name, and that they are the same each time."""

import dataclasses
import itertools
import re
import sys

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments.analysis.aggregates import PairedDifference
from rlflood.experiments.analysis.budgets import AtRuns, EqualRuns
from rlflood.experiments.analysis.statistics import Interval
from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.figures.canvas import house_style, rendered
from rlflood.experiments.report.figures.overall import (
    draw_budget,
    draw_equal_runs,
    draw_headline,
    draw_profiles,
)
from rlflood.experiments.report.figures.palette import styles
from rlflood.experiments.report.figures.study import figures
from rlflood.experiments.report.figures.task import draw_flatness, draw_perturbation, draw_test_loss

pytest.importorskip("matplotlib")

MANY = ("none", "grid", "oracle", "_own", *(f"method-{i}" for i in range(16)))
TASK = "a|b_c & d"


def texts(canvas):
    """What stands in a figure; Matplotlib writes each text as a comment beside its outlines."""
    with house_style():
        return set(re.findall(r"<!-- (.*?) -->", rendered(canvas, "svg").decode(), re.DOTALL))


def drawn(draw, *arguments):
    with house_style():
        return draw(*arguments)


@pytest.fixture(scope="module")
def results(invented_results):
    return invented_results(("none", "grid", "oracle"))


@pytest.fixture(scope="module")
def summary(results):
    return summarise(results, "last")


@pytest.fixture(scope="module")
def diagnoses(results):
    return {method: found for (task, method), found in results.diagnoses.items() if task == TASK}


@pytest.fixture(scope="module")
def looks():
    return styles(["none", "grid", "oracle"])


def test_every_figure_is_there_in_both_kinds(invented_results):
    small = invented_results(("none", "grid"), ("Zwei & 3",), seeds=2)
    tasks = [task.model_copy(update={"label_noise": 0.0}) for task in small.study.tasks]
    small = dataclasses.replace(small, study=small.study.model_copy(update={"tasks": tuple(tasks)}))
    files = list(figures(small))
    overall = [f"{kind}-deployed-clean" for kind in ("headline", "budget", "profiles", "equal-runs")]
    kinds = ("schedules", "test-loss", "flatness", "perturbation")
    by_task = [f"1-zwei-3-{kind}" for kind in kinds]
    assert [name for name, _ in files] == [f"{n}.{s}" for n in (*overall, *by_task) for s in ("png", "svg")]
    for name, content in files:
        assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
        if name.endswith("svg"):
            assert b"<dc:date>" not in content
    again = itertools.islice(figures(small), 2)
    assert list(again) == files[:2]  # the same each time


def test_settings_of_the_person_play_no_part(summary, looks):
    import matplotlib

    def render():
        with house_style():
            return rendered(draw_headline(summary, looks), "svg")

    before = render()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "text.usetex": False}):
        assert render() == before
        assert matplotlib.rcParams["font.size"] == 20


def test_the_headline_shows_each_method_where_it_is(summary, looks):
    canvas = drawn(draw_headline, summary, looks)
    means, quartiles, differences = canvas.axes
    labels = [label.get_text().partition("\n")[0] for label in means.get_yticklabels()]
    standings = {standing.method: standing for standing in summary.standings}
    assert labels[-1] == "oracle" and set(labels) == set(standings)
    for method, place in zip(labels, means.get_yticks(), strict=True):
        for panel, value in ((means, standings[method].mean), (quartiles, standings[method].interquartile)):
            segment, point = (line for line in panel.lines if set(line.get_ydata()) == {place})
            assert segment.get_color() == point.get_color() == looks[method].colour_light
            assert segment.get_xdata() == pytest.approx([100 * value.low, 100 * value.high])
            assert point.get_xdata() == pytest.approx([100 * value.mean])
            assert (point.get_markerfacecolor() == "white") == (method == "oracle")
    of_grid = [line for line in differences.lines if line.get_color() == looks["grid"].colour_light]
    assert of_grid[-1].get_xdata() == pytest.approx([100 * standings["grid"].difference.over_seeds.mean])
    assert len(of_grid) == 3 and not any(
        line.get_color() == looks["none"].colour_light for line in differences.lines
    )
    assert {"interquartile mean (%)", "difference from none (points)", "oracle"} <= texts(canvas)


def test_the_headline_marks_methods_with_runs_that_diverged(summary, looks):
    assert not any("‡" in text for text in texts(drawn(draw_headline, summary, looks)))
    lost = tuple(dataclasses.replace(one, diverged=2 * (one.method == "grid")) for one in summary.standings)
    shown = texts(drawn(draw_headline, dataclasses.replace(summary, standings=lost), looks))
    assert "grid ‡" in shown and "none" in shown
    assert any("‡: with runs that diverged" in text for text in shown)


def test_budgets_and_profiles_are_the_summarys(summary, looks):
    panel = drawn(draw_budget, summary, looks).axes[0]
    curve = next(curve for curve in summary.budgets if curve.method == "grid")
    line = next(line for line in panel.lines if line.get_color() == looks["grid"].colour_light)
    assert line.get_xdata() == pytest.approx(curve.runs) and len(curve.runs) == 3
    assert line.get_ydata() == pytest.approx([100 * interval.mean for interval in curve.accuracy])

    panel = drawn(draw_profiles, summary, looks).axes[0]
    for method, profile in summary.profiles.items():
        line = next(line for line in panel.lines if line.get_color() == looks[method].colour_light)
        shares = dict(zip(100 * profile.thresholds, 100 * profile.share, strict=True))
        assert [shares[threshold] for threshold in line.get_xdata()] == line.get_ydata().tolist()
        # all of the way down is drawn
        assert line.get_ydata()[0] == 100 and line.get_ydata()[-1] == 0


def test_points_of_the_same_budget_do_not_hide_each_other(invented_results):
    results = invented_results(("none", "a", "b"))
    panel = drawn(draw_budget, summarise(results, "last"), styles(["none", "a", "b"])).axes[0]
    budgets = sorted(float(line.get_xdata()[0]) for line in panel.lines)
    assert budgets == pytest.approx([1 / 1.05, 1, 1.05])


def test_equal_runs_are_a_panel_for_each_number(summary, looks):
    equal = summary.equal_runs
    one, three = drawn(draw_equal_runs, summary, equal, looks).axes
    assert [panel.get_title() for panel in (one, three)] == ["1 run", "3 runs"]
    rows = {row.name: row for row in equal.rows}
    labels = [label.get_text().partition("\n")[0] for label in one.get_yticklabels()]
    assert labels == list(rows) == ["grid:K", "none", "oracle:K"]
    for panel, count in ((one, 1), (three, 3)):
        points = {
            labels[one.get_yticks().tolist().index(line.get_ydata()[0])]: line.get_xdata()[0]
            for line in panel.lines
            if len(line.get_xdata()) == 1
        }
        expected = {name: 100 * row.at[count].accuracy.mean for name, row in rows.items() if count in row.at}
        assert points == pytest.approx(expected)


def test_equal_runs_of_a_controller_are_the_line_at_zero(summary, looks):
    """The rows of the summary with differences made up, as from several runs of a controller."""
    ends = Interval(0.02, 0.01, 0.04)
    difference = PairedDifference(ends, Interval(0.02, -0.01, 0.05), 0.5)
    rows = tuple(
        dataclasses.replace(
            row,
            at={
                count: AtRuns(at.accuracy, None if row.name == "none" else difference)
                for count, at in row.at.items()
            },
        )
        for row in summary.equal_runs.rows
    )
    equal = EqualRuns((1, 3), "none", rows)
    canvas = drawn(draw_equal_runs, summary, equal, looks)
    one, three = canvas.axes
    assert [label.get_text().partition("\n")[0] for label in one.get_yticklabels()] == ["grid:K", "oracle:K"]
    of_grid = [line for line in three.lines if line.get_color() == looks["grid"].colour_light]
    thin, thick, point = of_grid
    assert thin.get_xdata() == pytest.approx([-1, 5]) and thick.get_xdata() == pytest.approx([1, 4])
    assert thin.get_linewidth() < thick.get_linewidth() and point.get_xdata() == pytest.approx([2])
    assert "difference from none (points)" in texts(canvas)


def test_diagnoses_are_drawn_as_medians(diagnoses, looks):
    for draw, x, y in (
        (draw_test_loss, lambda d: d.epochs, lambda d: d.noisy_test_loss),
        (draw_flatness, lambda d: np.median(d.noisy_test_loss, axis=0), lambda d: d.gradient_norm),
    ):
        canvas = drawn(draw, TASK, diagnoses, looks)
        for (method, diagnosis), line in zip(diagnoses.items(), canvas.axes[0].lines, strict=True):
            assert line.get_color() == looks[method].colour_light
            assert line.get_xdata() == pytest.approx(x(diagnosis))
            assert line.get_ydata() == pytest.approx(np.median(y(diagnosis), axis=0))
        assert {"none", "grid"} <= texts(canvas)


@pytest.mark.parametrize("draw", [draw_test_loss, draw_flatness, draw_perturbation])
def test_runs_that_all_diverged_leave_empty_figures(diagnoses, looks, draw):
    lost = {
        method: dataclasses.replace(
            found,
            **{
                field.name: np.full_like(getattr(found, field.name), np.nan)
                for field in dataclasses.fields(found)
                if "loss" in field.name or "norm" in field.name
            },
        )
        for method, found in diagnoses.items()
    }
    assert set(lost) <= texts(drawn(draw, TASK, lost, looks))


def test_perturbations_of_networks_that_were_never_below_their_level_are_left_out(diagnoses, looks):
    canvas = drawn(draw_perturbation, TASK, diagnoses, looks)
    upper_left, upper_right, lower_left, lower_right = canvas.axes
    of = {method: place for place, method in enumerate(diagnoses)}
    assert np.isnan(upper_left.lines[of["none"]].get_ydata()).all()
    for panel, network, split in (
        (upper_left, 0, "train"),
        (upper_right, 1, "train"),
        (lower_left, 0, "noisy_test"),
        (lower_right, 1, "noisy_test"),
    ):
        losses = getattr(diagnoses["grid"], f"perturbed_{split}_loss")[network]
        assert panel.lines[of["grid"]].get_ydata() == pytest.approx(np.median(losses, axis=0))
    assert {"when first below the flood level", "after the last epoch"} <= texts(canvas)


def test_twenty_methods_all_have_their_name_in_the_legend(invented_results):
    results = invented_results(MANY, (TASK,), seeds=2)
    summary = summarise(results, "last")
    for draw in (draw_budget, draw_profiles):
        assert {method for method in MANY if method != "oracle"} <= texts(drawn(draw, summary, styles(MANY)))


def test_a_name_is_no_formula_and_is_not_hidden(invented_results):
    names = ("none", "_own", "$x$ and $")
    results = invented_results(names, (TASK,), seeds=2)
    canvas = drawn(draw_budget, summarise(results, "last"), styles(names))
    legend = [text.get_text() for text in canvas.legends[0].get_texts()]
    assert sorted(legend) == sorted(["none", "_own", r"\$x\$ and \$"])
    texts(canvas)  # parses


def test_an_unfinished_study_has_the_figures_of_what_is_there(invented_results):
    results = invented_results(("none", "grid"), ("one", "two"), seeds=2)
    results.records.pop(("one", "none"))
    results.records.pop(("two", "none"))
    results.records.pop(("two", "grid"))
    names = [name for name, _ in figures(dataclasses.replace(results, diagnoses={}))]
    assert names == ["1-one-schedules.png", "1-one-schedules.svg"]


def test_schedules_go_on_to_another_page(invented_results, monkeypatch):
    monkeypatch.setattr("rlflood.experiments.report.figures.study.rendered", lambda canvas, file_type: b"")
    results = invented_results(MANY[:14], (TASK,), seeds=2)
    results.repeats.update({key: [] for key in results.repeats})  # nothing to compare
    names = [name for name, _ in figures(dataclasses.replace(results, diagnoses={}))]
    assert [name for name in names if name.endswith("svg")] == [
        "1-a-b-c-d-schedules.svg",
        "1-a-b-c-d-schedules-2.svg",
    ]


def test_without_matplotlib_the_extra_is_named(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"rlflood\[plot\]"):
        next(figures(results))
