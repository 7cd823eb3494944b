"""The figure of a comparison: what level each method set, and what became of the losses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.report.figures.canvas import (
    TWO_COLUMNS,
    check_matplotlib,
    house_style,
    make_logarithmic,
    new_canvas,
    plain,
    rendered,
)
from rlflood.experiments.report.figures.palette import LEVEL, TRAINING, VALIDATION
from rlflood.experiments.report.text.captions import NETWORKS
from rlflood.experiments.runs.record import Record
from rlflood.metrics import Array
from rlflood.words import counted

SUFFIXES = (".png", ".svg", ".pdf")

_COLUMNS = 4
_LOWEST_LOSS = 1e-3  # nats; below lies nothing that matters, and a logarithmic axis needs an end


def check_plot(path: Path) -> None:
    """Make sure that a figure can be drawn to ``path``.

    Raises:
        InputError: if its suffix is none of :data:`SUFFIXES`, or matplotlib is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is no figure: give a file that ends in {', '.join(SUFFIXES)}")
    check_matplotlib()


def figure(title: str, records: Sequence[Record], file_type: str) -> bytes:
    """The figure of :func:`draw_schedules` as a file: ``png``, ``svg`` or ``pdf``."""
    with house_style():
        return rendered(draw_schedules(title, records), file_type)


def draw_schedules(title: str, records: Sequence[Record], *, noisy: bool = False) -> Any:
    """Draw the methods side by side: the flood level above, training and validation loss below.

    Thick lines are medians over the repeats, thin ones the repeats; all panels of a row share their axes.

    Args:
        title: What task it is.
        records: One a method, of the same setting.
        noisy: Whether the accuracies given are against test labels with the task's noise.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    from matplotlib.ticker import MaxNLocator

    blocks = -(-len(records) // _COLUMNS)
    columns = -(-len(records) // blocks)
    canvas = new_canvas(max(TWO_COLUMNS / 2, TWO_COLUMNS * columns / _COLUMNS), 2.9 * blocks + 0.7)
    counts = {record.repeats for record in records}
    lines = ""
    if counts != {1}:
        which = counted(counts.pop(), "repeat") if len(counts) == 1 else "the repeats so far"
        lines = f"\nthick lines: median of {which}; thin lines: each of them"
    canvas.suptitle(plain(title) + lines, fontsize=8)
    panels = canvas.subplots(2 * blocks, columns, squeeze=False, sharex=True)
    highest_level = max(0.1, max(float(record.levels.max()) for record in records)) * 1.05
    losses = _loss_limits(records)
    for number in range(blocks * columns):
        block, column = divmod(number, columns)
        upper, lower = panels[2 * block, column], panels[2 * block + 1, column]
        if number >= len(records):
            upper.set_visible(False)
            lower.set_visible(False)
            continue
        _draw_levels(upper, records[number], highest_level, noisy=noisy)
        _draw_losses(lower, records[number], losses)
        for panel in (upper, lower):
            panel.tick_params(which="both", labelleft=column == 0)
        lower.set_xlabel("epoch")
        lower.tick_params(labelbottom=True)
        lower.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if column == 0:
            upper.set_ylabel("flood level $b$ (nats)")
            lower.set_ylabel("loss (nats)")
    canvas.align_ylabels()
    handles, labels = panels[1, 0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=2.6)
    return canvas


def _draw_levels(panel: Any, record: Record, highest: float, *, noisy: bool) -> None:
    accuracy = 100 * record.test_accuracy("deployed", noisy=noisy).mean()
    name = plain(record.method) + (" (the runs picked)" if record.search else "")
    diverged = record.diverged.sum()
    lost = f"\n{diverged} of {counted(record.repeats, 'run')} diverged" if diverged else ""
    panel.set_title(f"{name}\n{accuracy:.1f} % test accuracy ({NETWORKS[record.deployed]}){lost}", fontsize=7)
    _draw(panel, record.levels, LEVEL, "flood level $b$")
    panel.set_ylim(-0.03 * highest, highest)


def _draw_losses(panel: Any, record: Record, limits: tuple[float, float]) -> None:
    make_logarithmic(panel.yaxis, *limits)
    _draw(panel, record.train_loss, TRAINING, "training loss")
    _draw(panel, record.val_loss, VALIDATION, "validation loss", style="--")
    if record.levels.any():
        # the level again, dotted: where the training loss lies on it, flooding is at work
        _line(panel, np.where(record.levels > 0, record.levels, np.nan), LEVEL, "flood level $b$", ":")
    else:
        panel.plot([], [], color=LEVEL, linestyle=":", linewidth=1.4, label="flood level $b$")
    panel.set_ylim(*limits)


def _draw(panel: Any, curves: Array, colour: str, label: str, style: str = "-") -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    if len(curves) > 1:
        panel.plot(epochs, curves.T, color=colour, linewidth=0.4, alpha=0.3)
    _line(panel, curves, colour, label, style)


def _line(panel: Any, curves: Array, colour: str, label: str, style: str) -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    panel.plot(epochs, finite_median(curves), color=colour, linestyle=style, linewidth=1.4, label=label)


def finite_median(curves: Array) -> Array:
    """The median of each column's finite values: no victim of one run that diverged; NaN where none is."""
    masked = np.ma.median(np.ma.masked_invalid(curves), axis=0)  # type: ignore[no-untyped-call]
    median: Array = np.ma.filled(masked, np.nan)
    return median


def _loss_limits(records: Sequence[Record]) -> tuple[float, float]:
    losses = np.concatenate([np.ravel([r.train_loss, r.val_loss]) for r in records])
    losses = losses[np.isfinite(losses) & (losses > 0)]
    if not losses.size:
        return _LOWEST_LOSS, 1.0
    return max(_LOWEST_LOSS, float(losses.min()) * 0.8), max(1.0, float(losses.max()) * 1.25)
