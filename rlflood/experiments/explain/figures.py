"""The figures of `rlflood explain`, as PNG (300 dots an inch) and SVG."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.explain.importance import PERMUTATIONS, Importance
from rlflood.experiments.explain.plane import Plane
from rlflood.experiments.explain.rollouts import Rollouts
from rlflood.experiments.report.figures.canvas import (
    GREY,
    TWO_COLUMNS,
    check_matplotlib,
    house_style,
    make_logarithmic,
    new_canvas,
    plain,
    rendered,
)
from rlflood.experiments.report.figures.palette import LEVEL, TRAINING, VALIDATION
from rlflood.experiments.report.figures.schedules import finite_median
from rlflood.experiments.report.figures.study import FILE_TYPES
from rlflood.metrics import Array
from rlflood.words import capitalised

FIGURES = ("importance", "plane", "schedule")

_ROW = 0.17  # inches an observation
_LINE = 0.115  # inches a line of a caption
_LETTERS = 20  # of a caption, an inch
_LOWEST_LOSS = 1e-3  # nats; as in plot.py
_OWN: dict[str, Any] = {"color": LEVEL, "linewidth": 1.4, "zorder": 3}
_OTHERS: dict[str, Any] = {"color": GREY, "linewidth": 0.5}
_UNITS = (
    "Losses are over that of guessing and by their logarithm to base 10; accuracies run from chance (0) to "
    "perfect (1)."
)


def explain_figures(
    name: str, rollouts: Rollouts, found: Sequence[Importance], surface: Plane | None
) -> Iterator[tuple[str, bytes]]:
    """Draw them one by one: names of files, :data:`FIGURES` in each kind, and what goes into them.

    Args:
        name: What to call the controller.
        rollouts: Its runs.
        found: Its importances, the greatest first.
        surface: Its plane.

    Raises:
        InputError: if matplotlib is missing.
    """
    check_matplotlib()
    drawings: dict[str, Callable[[], Any]] = {
        "importance": lambda: draw_importance(name, rollouts, found),
        "plane": lambda: draw_plane(name, rollouts, surface),
        "schedule": lambda: draw_schedule(name, rollouts),
    }
    for figure in FIGURES:
        with house_style():
            canvas = drawings[figure]()
            files = [(f"{figure}.{file_type}", rendered(canvas, file_type)) for file_type in FILE_TYPES]
        yield from files


def draw_importance(name: str, rollouts: Rollouts, found: Sequence[Importance]) -> Any:
    """The observations one below the other, by how much the choices hang on them.

    Args:
        name: What to call the controller.
        rollouts: Its runs.
        found: Its importances, the greatest first.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    shown = [importance for importance in found if importance.varies]
    others = [importance.feature for importance in found if not importance.varies]
    caption = (
        "Permutation importance: each observation is permuted among all runs at the same decision, and the "
        f"controller chooses again. Means over {rollouts.described}, {PERMUTATIONS} permutations each; 95 % "
        "intervals over the tasks. Observations that go together share what hangs on them."
    )
    if others:
        caption += f" Not shown, being the same in all runs at a decision: {', '.join(others)}."
    title = f"{name}: what its choices hang on"
    if not any(importance.probability_moved.mean for importance in found):
        title = f"{name}: its choices hang on nothing that differs between runs"
    canvas, body = _canvas(title, caption, _ROW * max(len(shown), 1) + 0.6)
    levels, probabilities = body.subplots(1, 2, sharey=True)
    places = np.arange(len(shown))
    for panel, measure in ((levels, "level_change"), (probabilities, "probability_moved")):
        intervals = [getattr(importance, measure) for importance in shown]
        means = [interval.mean for interval in intervals]
        panel.barh(places, means, height=0.62, color=TRAINING)
        panel.errorbar(
            means,
            places,
            xerr=[interval.half for interval in intervals],
            fmt="none",
            ecolor="black",
            elinewidth=0.8,
        )
        panel.set_xlim(0, max([interval.high for interval in intervals], default=0) * 1.05 or 1)
        panel.grid(axis="y", visible=False)
        panel.locator_params(axis="x", nbins=6)
        panel.tick_params(axis="y", length=0)
    levels.set_xlabel(f"mean change of the chosen level\n({rollouts.unit})")
    probabilities.set_xlabel("mean probability moved\n(total variation distance)")
    levels.set_yticks(places, [plain(importance.feature) for importance in shown])
    levels.set_ylim(len(shown) - 0.4, -0.6)
    return canvas


def draw_plane(name: str, rollouts: Rollouts, surface: Plane | None) -> Any:
    """The level over the two most telling observations, a panel for each third of the run.

    Dots are what was recorded: where there are none, the controller has never been.

    Args:
        name: What to call the controller.
        rollouts: Its runs.
        surface: The plane, or None if no two observations differ.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    if surface is None:
        title = f"{name}: no plane to draw, as no two observations differ between runs when it decides"
        return _canvas(title, f"{capitalised(rollouts.described)}.", 0.1)[0]
    title = f"{name}: the level that it chooses, by the two observations that it hangs on most"
    if not surface.x.probability_moved.mean:
        title = f"{name}: the level that it chooses hangs on nothing that differs between runs"
    elif not surface.y.probability_moved.mean:
        title = f"{name}: the level that it chooses hangs on one observation only"
    caption = (
        "Colour: the level that it would choose if these two observations alone were other than they were, "
        "averaged over the states recorded in that third of the run (partial dependence). Dots: these states "
        f"({rollouts.described}); where there are none, no run has been. The axes span the 5th "
        "to the 95th percentile. The first decision, before the first epoch, is left out."
    )
    if rollouts.controller.spec.observation != "metrics":
        caption += f" {_UNITS}"
    canvas, body = _canvas(title, caption, 2.4)
    panels = body.subplots(1, len(surface.panels), sharex=True, sharey=True, squeeze=False)[0]
    lowest, highest = _span([panel.levels for panel in surface.panels])
    for axes, panel in zip(panels, surface.panels, strict=True):
        mesh = axes.pcolormesh(
            surface.x_values,
            surface.y_values,
            panel.levels,
            cmap="viridis",
            vmin=lowest,
            vmax=highest,
            shading="nearest",
            rasterized=True,
        )
        axes.scatter(*panel.seen.T, s=4, color="white", edgecolors="black", linewidths=0.3)
        axes.set(xlim=surface.x_values[[0, -1]], ylim=surface.y_values[[0, -1]], title=panel.title)
        axes.grid(visible=False)
        axes.locator_params(nbins=4)
    panels[len(panels) // 2].set_xlabel(plain(surface.x.feature))
    panels[0].set_ylabel(textwrap.fill(plain(surface.y.feature), 32))
    bar = body.colorbar(mesh, ax=list(panels), aspect=30, pad=0.02)
    bar.set_label(f"flood level\n({rollouts.unit})")
    bar.outline.set_linewidth(0.6)
    return canvas


def draw_schedule(name: str, rollouts: Rollouts) -> Any:
    """The level by the epoch, a column for each label noise, with the losses beneath.

    Args:
        name: What to call the controller.
        rollouts: Its runs.

    Returns:
        Matplotlib's figure, two columns wide for four label noises.
    """
    from matplotlib.ticker import MaxNLocator

    noises = np.unique(rollouts.label_noise)
    others = "; grey: the means at the other label noises" if len(noises) > 1 else ""
    caption = (
        f"{capitalised(rollouts.described)}. Above: the mean level over the tasks; band: the middle 80 % of "
        f"them{others}. Below: medians over the tasks; bands: the middle half of them."
    )
    title = f"{name}: the levels that it sets, by label noise"
    rows = 2
    if rollouts.strengths is not None:
        caption += f" Lowest: the mean strength of {rollouts.controller.spec.criterion}, and the middle 80 %."
        title, rows = f"{name}: the levels and strengths that it sets, by label noise", 3
    canvas, body = _canvas(title, caption, 1.8 * rows, width=TWO_COLUMNS * max(len(noises), 2) / 4)
    panels = body.subplots(rows, len(noises), sharex=True, sharey="row", squeeze=False)
    epochs = np.arange(1, rollouts.levels.shape[1] + 1)
    for noise, (upper, lower, *_) in zip(noises, panels.T, strict=True):
        upper.set_title(f"{100 * noise:g} % label noise")
        for other in noises:
            mean = rollouts.chosen[rollouts.label_noise == other].mean(axis=0)
            upper.plot(epochs, mean, **(_OWN if other == noise else _OTHERS))
        runs = rollouts.label_noise == noise
        _draw_band(upper, epochs, rollouts.chosen[runs], (10, 90), LEVEL)
        for losses, colour, label, style in (
            (rollouts.train_loss[runs], TRAINING, "training loss", "-"),
            (rollouts.val_loss[runs], VALIDATION, "validation loss", "--"),
        ):
            finite = np.where(np.isfinite(losses), np.maximum(losses, _LOWEST_LOSS), np.nan)
            _draw_band(lower, epochs, finite, (25, 75), colour)
            lower.plot(epochs, finite_median(finite), color=colour, linestyle=style, label=label)
        levels = finite_median(rollouts.levels[runs])
        levels = np.where(levels > _LOWEST_LOSS, levels, np.nan)
        lower.plot(epochs, levels, color=LEVEL, linestyle=":", linewidth=1.4, label="flood level $b$")
        lower.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for noise, lowest in zip(noises, panels[-1], strict=True):
        lowest.set_xlabel("epoch")
        if rollouts.strengths is not None:
            own = rollouts.strengths[rollouts.label_noise == noise]
            lowest.plot(epochs, own.mean(axis=0), **_OWN)
            _draw_band(lowest, epochs, own, (10, 90), LEVEL)
            panels[-1, 0].set_ylabel("strength")
    highest = max(rollouts.controller.spec.levels.values)
    # drawn in nats, which have no bound
    if rollouts.controller.spec.levels.unit in ("turning-point", "guessing"):
        highest = max(panel.yaxis.get_data_interval()[1] for panel in panels[0]) or 1.0
    top = 1.05 * highest
    panels[0, 0].set_ylim(-0.03 * top, top)
    drawn = np.array([panel.yaxis.get_data_interval() for panel in panels[1]])
    make_logarithmic(panels[1, 0].yaxis, drawn[:, 0].min(), drawn[:, 1].max())
    panels[0, 0].set_ylabel("level / best validation loss" if rollouts.relative else "flood level $b$ (nats)")
    panels[1, 0].set_ylabel("loss (nats)")
    body.align_ylabels()
    handles, labels = panels[1, 0].get_legend_handles_labels()
    body.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=2.6)
    return canvas


def _canvas(title: str, caption: str, panels: float, *, width: float = TWO_COLUMNS) -> tuple[Any, Any]:
    """A figure, and the part of it for panels of this height in inches, between a title and a caption."""
    lines = textwrap.wrap(caption, round(_LETTERS * width))
    heights = panels + 0.3, _LINE * len(lines) + 0.08
    canvas = new_canvas(width, sum(heights))
    body, foot = canvas.subfigures(2, 1, height_ratios=heights)
    body.suptitle(plain(title), fontsize=8)
    foot.text(0.01, 1, plain("\n".join(lines)), ha="left", va="top", fontsize=6.5, color=GREY)
    return canvas, body


def _draw_band(
    panel: Any, x: NDArray[np.int64], curves: Array, percentiles: tuple[int, int], colour: str
) -> None:
    """What lies between two percentiles of each column; nothing where no value is finite."""
    there = np.isfinite(curves).any(axis=0)
    if not there.any():
        return
    low, high = np.nanpercentile(curves[:, there], percentiles, axis=0)
    panel.fill_between(x[there], low, high, color=colour, alpha=0.2, linewidth=0)


def _span(parts: Sequence[Array]) -> tuple[float, float]:
    """Lowest and highest of all, with some room if they are the same."""
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    # means of one and the same level differ in their last bits
    return (low, high) if high - low > 1e-9 else (low - 0.05, high + 0.05)
