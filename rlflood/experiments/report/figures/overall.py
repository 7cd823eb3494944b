"""Figures of methods over all tasks of a study: headline, budget and profiles."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlflood.experiments.analysis.budgets import BudgetCurve, EqualRuns
from rlflood.experiments.analysis.statistics import Interval
from rlflood.experiments.analysis.summary import Standing, Summary
from rlflood.experiments.report.figures.canvas import (
    GREY,
    TWO_COLUMNS,
    draw_legend,
    height_for,
    new_canvas,
    plain,
    width_for,
)
from rlflood.experiments.report.figures.palette import Style
from rlflood.experiments.report.text.captions import View
from rlflood.experiments.report.text.wording import DIVERGED
from rlflood.words import counted

_ROW = 0.19  # inches a method


def draw_headline(summary: Summary, looks: Mapping[str, Style]) -> Any:
    """The methods one below the other: mean, interquartile mean and difference from the reference.

    Oracles come last, apart and hollow.

    Args:
        summary: What to show.
        looks: Of all methods.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    standings = sorted(summary.standings, key=lambda standing: standing.oracle)
    # an oracle's name takes two lines
    places = np.cumsum([1 + 0.6 * standing.oracle for standing in standings]) - 1
    canvas = new_canvas(TWO_COLUMNS, _ROW * places[-1] + 1.15)
    means, quartiles, differences = canvas.subplots(1, 3, sharey=True)
    for place, standing in zip(places, standings, strict=True):
        look = looks[standing.method]
        _draw_interval(means, place, standing.mean, look, hollow=standing.oracle)
        _draw_interval(quartiles, place, standing.interquartile, look, hollow=standing.oracle)
        if standing.difference is None:
            continue
        _draw_interval(
            differences, place, standing.difference.over_tasks, look, hollow=standing.oracle, thin=True
        )
        _draw_interval(differences, place, standing.difference.over_seeds, look, hollow=standing.oracle)
    means.set_xlabel("mean (%)")
    quartiles.set_xlabel("interquartile mean (%)")
    differences.set_xlabel(plain(f"difference from {summary.reference} (points)"))
    differences.axvline(0, color=GREY, linewidth=0.8, zorder=0.9)
    names = [
        _named(standing.method + (f" {DIVERGED}" if standing.diverged else ""), oracle=standing.oracle)
        for standing in standings
    ]
    means.set_yticks(places, [plain(name) for name in names])
    means.set_ylim(places[-1] + 0.6, -0.6)
    for panel in (means, quartiles, differences):
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        if any(standing.oracle for standing in standings) and not standings[0].oracle:
            first = next(p for p, standing in zip(places, standings, strict=True) if standing.oracle)
            panel.axhline(first - 0.9, color=GREY, linewidth=0.6, linestyle=":")
    lost = f"\n{DIVERGED}: with runs that diverged" if any(one.diverged for one in standings) else ""
    canvas.suptitle(_titled(summary) + lost, fontsize=8)
    return canvas


def draw_budget(summary: Summary, looks: Mapping[str, Style]) -> Any:
    """Test accuracy against budget: lines for searches that can be stopped, points for all others.

    Points of the same budget stand side by side.

    Args:
        summary: What to show.
        looks: Of all methods.
    """
    from matplotlib.ticker import FormatStrFormatter, NullLocator

    names = _legend_names(summary)
    canvas = new_canvas(width_for(list(names)), height_for(list(names), 2.7))
    panel = canvas.subplots()
    curves = [curve for curve in summary.budgets if len(curve.runs)]
    for curve, shift in zip(curves, _shifts(curves), strict=True):
        _draw_curve(panel, curve, looks[curve.method], shift)
    most = max((float(curve.runs.max()) for curve in curves), default=1.0)
    panel.set_xscale("log")
    panel.set_xticks([n for n in (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000) if n <= 1.2 * most])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.set_xlabel("budget (whole training runs; equal budgets side by side)")
    _label_accuracy(panel, summary)
    draw_legend(canvas, names, looks)
    return canvas


def draw_equal_runs(summary: Summary, equal: EqualRuns, looks: Mapping[str, Style]) -> Any:
    """The methods one below the other, a panel for each number of runs: differences from the reference.

    Without a reference, which is several runs of a controller, their accuracies.

    Args:
        summary: What to show.
        equal: Its methods at equal numbers of runs.
        looks: Of all methods.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    rows = [row for row in equal.rows if row.name != equal.reference]
    places = np.cumsum([1 + 0.6 * row.oracle for row in rows]) - 1
    canvas = new_canvas(TWO_COLUMNS, _ROW * places[-1] + 1.15)
    panels = canvas.subplots(1, len(equal.counts), sharey=True, sharex=True)
    for panel, count in zip(panels, equal.counts, strict=True):
        for place, row in zip(places, rows, strict=True):
            if (at := row.at.get(count)) is None:
                continue
            look = looks[row.look]
            if at.difference is not None:
                _draw_interval(panel, place, at.difference.over_tasks, look, hollow=row.oracle, thin=True)
                _draw_interval(panel, place, at.difference.over_seeds, look, hollow=row.oracle)
            elif equal.reference is None:
                _draw_interval(panel, place, at.accuracy, look, hollow=row.oracle)
        panel.set_title(counted(count, "run"))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        if equal.reference is not None:
            panel.axvline(0, color=GREY, linewidth=0.8, zorder=0.9)
    panels[0].set_yticks(places, [plain(_named(row.name, oracle=row.oracle)) for row in rows])
    panels[0].set_ylim(places[-1] + 0.6, -0.6)
    versus = "accuracy (%)" if equal.reference is None else f"difference from {equal.reference} (points)"
    canvas.supxlabel(plain(versus), fontsize=8)
    canvas.suptitle(_titled(summary, thin=equal.reference is not None), fontsize=8)
    return canvas


def draw_profiles(summary: Summary, looks: Mapping[str, Style]) -> Any:
    """The share of runs above each test accuracy, with bands while there are few methods.

    Args:
        summary: What to show.
        looks: Of all methods.
    """
    names = _legend_names(summary)
    canvas = new_canvas(width_for(list(names)), height_for(list(names), 2.7))
    panel = canvas.subplots()
    for method, profile in summary.profiles.items():
        look = looks[method]
        # the ends, where all runs are above or none is, would lie on each other
        spread = np.flatnonzero((profile.share > 0) & (profile.share < 1))
        first, last = (max(0, spread[0] - 1), spread[-1] + 2) if spread.size else (0, None)
        drawn = len(profile.share[first:last])
        panel.plot(
            100 * profile.thresholds[first:last],
            100 * profile.share[first:last],
            color=look.colour_light,
            linestyle=look.linestyle,
            marker=look.matplotlib_marker,
            markevery=(drawn // 6, max(1, drawn // 3)),
        )
        if len(names) <= 4:
            panel.fill_between(
                100 * profile.thresholds,
                100 * profile.low,
                100 * profile.high,
                color=look.colour_light,
                alpha=0.15,
                linewidth=0,
            )
    view = View(summary.moment, summary.noisy)
    panel.set_xlabel(_wrapped(f"{view.accuracy} (%)"))
    panel.set_ylabel("runs above it (%)")
    panel.set_ylim(-2, 102)
    draw_legend(canvas, names, looks)
    return canvas


def _titled(summary: Summary, *, thin: bool = True) -> str:
    """What accuracy it is of, and what the intervals are; ``thin``: whether there are such besides."""
    title = View(summary.moment, summary.noisy).accuracy
    if len(summary.repeats) > 1:
        title += "\n95 % intervals: thick for these tasks (over seeds)"
        title += ", thin for tasks not seen" if thin and len(summary.tasks) > 1 else ""
    return title


def _draw_interval(
    panel: Any, place: float, interval: Interval, look: Style, *, hollow: bool, thin: bool = False
) -> None:
    ends = 100 * np.array([interval.low, interval.high])
    if np.isfinite(ends).all():
        width = 0.7 if thin else 2.0
        panel.plot(ends, [place, place], color=look.colour_light, linewidth=width, solid_capstyle="butt")
    if not thin:
        panel.plot(
            100 * interval.mean,
            place,
            color=look.colour_light,
            marker=look.matplotlib_marker,
            markerfacecolor="white" if hollow else look.colour_light,
        )


def _shifts(curves: Sequence[BudgetCurve]) -> list[float]:
    """By what to multiply the budget of each, so that points that lie on each other can be seen."""
    shifts = []
    for curve in curves:
        same = [
            o.method for o in curves if len(curve.runs) == len(o.runs) == 1 and o.runs[0] == curve.runs[0]
        ]
        place = same.index(curve.method) - (len(same) - 1) / 2 if same else 0.0
        shifts.append(float(min(1.05, 1.5 ** (1 / max(1, len(same)))) ** place))
    return shifts


def _draw_curve(panel: Any, curve: BudgetCurve, look: Style, shift: float) -> None:
    means, low, high = (
        100 * np.array([getattr(interval, end) for interval in curve.accuracy])
        for end in ("mean", "low", "high")
    )
    runs = curve.runs * shift
    panel.plot(
        runs,
        means,
        color=look.colour_light,
        linestyle=look.linestyle,
        marker=look.matplotlib_marker,
        markevery=[-1],
    )
    if len(curve.runs) > 1:
        panel.fill_between(runs, low, high, color=look.colour_light, alpha=0.12, linewidth=0)
    elif np.isfinite([low[0], high[0]]).all():
        panel.vlines(runs, low, high, color=look.colour_light, linewidth=0.8, alpha=0.7)


def _label_accuracy(panel: Any, summary: Summary) -> None:
    panel.set_ylabel(_wrapped(f"{View(summary.moment, summary.noisy).accuracy} (%)"))


def _wrapped(text: str) -> str:
    """Two lines: test labels, and moment."""
    before, comma, after = text.rpartition(", ")
    return f"{before}{comma}\n{after}"


def _legend_names(summary: Summary) -> dict[str, str]:
    """In the order of the standings, oracles last."""
    standings: Sequence[Standing] = sorted(summary.standings, key=lambda standing: standing.oracle)
    return {standing.method: _named(standing.method, oracle=standing.oracle) for standing in standings}


def _named(method: str, *, oracle: bool) -> str:
    return f"{method}\n(not available to a user)" if oracle else method
