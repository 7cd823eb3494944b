"""The figure of a comparison: what level each method set, and what became of the losses."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.record import Array, Record

SUFFIXES = (".png", ".svg", ".pdf")
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Okabe and Ito's colours (2008), told apart with every kind of colour vision."""

_COLUMNS = 4
_LOWEST_LOSS = 1e-3  # nats; below lies nothing that matters, and a logarithmic axis needs an end


def check_plot(path: Path) -> None:
    """Make sure that a figure can be drawn to ``path``.

    Raises:
        InputError: if its suffix is none of :data:`SUFFIXES`, or matplotlib is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is no figure: give a file that ends in {', '.join(SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError('figures need matplotlib: pip install "rlflood[plot]"') from None


def figure(title: str, records: Sequence[Record], file_type: str) -> bytes:
    """Draw the methods side by side: the flood level above, training and validation loss below.

    Thick lines are medians over the repeats, thin ones the repeats; all panels of a row share their axes.

    Args:
        title: What task it is.
        records: One a method, of the same setting.
        file_type: ``png``, ``svg`` or ``pdf``.
    """
    from matplotlib.figure import Figure

    blocks = -(-len(records) // _COLUMNS)
    columns = -(-len(records) // blocks)
    repeats = len(records[0].levels)
    size = (max(6.4, 3.0 * columns + 0.6), 4.6 * blocks + 1.1)
    canvas = Figure(figsize=size, dpi=150, layout="constrained")
    lines = "" if repeats == 1 else f"\nthick lines: median of {repeats} repeats; thin lines: each of them"
    canvas.suptitle(title + lines, fontsize=10)
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
        record = records[number]
        _draw_levels(upper, record, highest_level)
        _draw_losses(lower, record, losses)
        for panel in (upper, lower):
            _dress(panel, first=column == 0)
        lower.set_xlabel("epoch")
        lower.tick_params(labelbottom=True)
        if column == 0:
            upper.set_ylabel("flood level $b$ (nats)")
            lower.set_ylabel("loss (nats)")
    canvas.align_ylabels()
    handles, labels = panels[1, 0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    buffer = BytesIO()
    canvas.savefig(buffer, format=file_type)
    return buffer.getvalue()


def _draw_levels(panel: Any, record: Record, highest: float) -> None:
    accuracy = 100 * record.test_acc_final.mean()
    name = record.method + (" (the runs picked)" if record.search else "")
    panel.set_title(f"{name}\n{accuracy:.1f} % final test accuracy", fontsize=9)
    _draw(panel, record.levels, GREEN, "flood level $b$")
    panel.set_ylim(-0.03 * highest, highest)


def _draw_losses(panel: Any, record: Record, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    panel.set_yscale("log")
    narrow = limits[1] / limits[0] < 50
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    panel.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    _draw(panel, record.train_loss, BLUE, "training loss")
    _draw(panel, record.val_loss, ORANGE, "validation loss", style="--")
    if record.levels.any():
        # the level again, dotted: where the training loss lies on it, flooding is at work
        _line(panel, np.where(record.levels > 0, record.levels, np.nan), GREEN, "flood level $b$", ":")
    else:
        panel.plot([], [], color=GREEN, linestyle=":", linewidth=1.8, label="flood level $b$")
    panel.set_ylim(*limits)


def _draw(panel: Any, curves: Array, colour: str, label: str, style: str = "-") -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    if len(curves) > 1:
        panel.plot(epochs, curves.T, color=colour, linewidth=0.6, alpha=0.3)
    _line(panel, curves, colour, label, style)


def _line(panel: Any, curves: Array, colour: str, label: str, style: str) -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    # the median is no victim of one run that diverged; a column of nothing but NaN leaves a gap
    masked = np.ma.median(np.ma.masked_invalid(curves), axis=0)  # type: ignore[no-untyped-call]
    panel.plot(epochs, masked.filled(np.nan), color=colour, linestyle=style, linewidth=1.8, label=label)


def _loss_limits(records: Sequence[Record]) -> tuple[float, float]:
    losses = np.concatenate([np.ravel([r.train_loss, r.val_loss]) for r in records])
    losses = losses[np.isfinite(losses) & (losses > 0)]
    if not losses.size:
        return _LOWEST_LOSS, 1.0
    return max(_LOWEST_LOSS, float(losses.min()) * 0.8), max(1.0, float(losses.max()) * 1.25)


def _dress(panel: Any, *, first: bool) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(which="both", labelsize=8, labelleft=first)
