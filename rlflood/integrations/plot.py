"""One run at a glance, drawn by Matplotlib: afterwards, or while it trains in a notebook."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError
from rlflood.extras import check_package
from rlflood.schedulers.base import FloodScheduler
from rlflood.schedulers.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# of Okabe and Ito's (2008), told apart with every kind of colour vision, those that are read on white and on
# black alike
TRAINING, VALIDATION, LEVEL, MARK = "#0072B2", "#D55E00", "#009E73", "#B3608F"
_SIZE = (7.0, 5.0)  # inches
_shown: WeakKeyDictionary[History, tuple[int, Any]] = WeakKeyDictionary()
"""Of each run that is watched, the number of the cell and its display."""


def plot_run(
    run: FloodScheduler | History, axes: "Sequence[Axes] | None" = None, *, live: bool = False
) -> "tuple[Axes, Axes]":
    """Draw a run: its losses, with the level as steps, and below them its accuracies.

    Vertical lines say where an average of the weights began (dotted), and where the best weights were asked
    for (dash-dotted). Of replicas it draws the medians, with the band from quartile to quartile, and no such
    lines. An epoch without validation, or with a loss that is not finite, is a gap.

    In a notebook, in the loop, after each epoch::

        rlflood.plot_run(scheduler, live=True)

    draws into one display, which the next call in the same cell replaces.

    Args:
        run: A scheduler, or its ``history``.
        axes: Where to draw: two of Matplotlib's axes, of losses and of accuracies. None makes a figure, by
            ``pyplot``: notebooks show it at the end of the cell, ``matplotlib.pyplot.show()`` shows it
            elsewhere, and ``axes[0].figure.savefig("run.png")`` keeps it.
        live: Show it at once, in place of what the last call showed. For notebooks.

    Returns:
        The axes of the losses and of the accuracies.

    Raises:
        InputError: if no epoch has been reported yet, ``axes`` are not two, or ``live`` is asked for outside
            of a notebook or together with ``axes``.
        MissingPackage: if Matplotlib is not installed: ``pip install "rlflood[plot]"``.
    """
    check_package("matplotlib", "plot_run needs Matplotlib")
    history = run if isinstance(run, History) else run.history
    if not len(history):
        raise InputError("there is nothing to draw before the first epoch: call plot_run after step()")
    if live and axes is not None:
        raise InputError("live=True makes a figure of its own: leave axes= out")
    if live:
        return _watched(history)
    if axes is None:
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots(2, 1, sharex=True)
    if len(axes) != 2:
        raise InputError(f"plot_run draws into two axes, of losses and of accuracies: got {len(axes)}")
    return _drawn(history, axes[0], axes[1])


def _drawn(history: History, losses: "Axes", accuracies: "Axes") -> "tuple[Axes, Axes]":
    _draw(losses, history.epoch, history.train_loss, TRAINING, "training")
    _draw(losses, history.epoch, history.val_loss, VALIDATION, "validation", linestyle="--")
    _draw(losses, history.epoch, history.level, LEVEL, "flood level", drawstyle="steps-mid")
    _draw(accuracies, history.epoch, history.train_acc, TRAINING, "training")
    _draw(accuracies, history.epoch, history.val_acc, VALIDATION, "validation", linestyle="--")
    if history.level.ndim == 1:
        marks = (("average begins", history.begins, ":"), ("best weights put back", history.returns, "-."))
        for name, where, style in marks:
            for number, epoch in enumerate(history.epoch[where]):
                for ax in (losses, accuracies):
                    # between this epoch and the one before; an underscore keeps it out of the legend
                    ax.axvline(epoch - 0.5, color=MARK, linestyle=style, label="_" * bool(number) + name)
    losses.set(ylabel="loss (nats)", ylim=(0, None))
    accuracies.set(xlabel="epoch", ylabel="accuracy")
    losses.legend()
    return losses, accuracies


def _draw(
    ax: "Axes", epochs: NDArray[np.int64], values: NDArray[np.float64], colour: str, name: str, **style: Any
) -> None:
    """A curve, of replicas their median and quartiles; nothing where there are no values."""
    values = np.where(np.isfinite(values), values, np.nan)
    known = ~np.isnan(values.reshape(len(epochs), -1)).all(axis=1)
    if not known.any():
        return
    middle = values
    if values.ndim > 1:
        low, middle, high = np.full((3, len(epochs)), np.nan)
        low[known], middle[known], high[known] = np.nanquantile(values[known], (0.25, 0.5, 0.75), axis=1)
        steps: Any = {"step": "mid"} if "drawstyle" in style else {}
        ax.fill_between(epochs, low, high, color=colour, alpha=0.25, linewidth=0, **steps)
    # a single epoch is a point: no line can be drawn to it
    marker = "." if known.sum() == 1 else ""
    ax.plot(epochs, middle, color=colour, label=name, marker=marker, **style)


def _watched(history: History) -> "tuple[Axes, Axes]":
    """Draw into the display of the present cell."""
    shell = _notebook()
    from IPython.display import Image, display
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")  # not of pyplot, which would keep and show it again
    axes = _drawn(history, *figure.subplots(2, 1, sharex=True))
    content = BytesIO()
    figure.savefig(content, format="png")
    image = Image(content.getvalue(), width=int(100 * _SIZE[0]))
    cell, handle = _shown.get(history, (None, None))
    if cell == shell.execution_count and handle is not None:
        handle.update(image)
    else:
        _shown[history] = shell.execution_count, display(image, display_id=True)
    return axes


def _notebook() -> Any:
    """IPython's shell, if it is that of a notebook.

    Raises:
        InputError: if it is not.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        shell = None
    else:
        shell = get_ipython()
    if getattr(shell, "kernel", None) is None:
        raise InputError(
            "live=True draws in a notebook, and this is none: call plot_run without it when the run has ended"
        )
    return shell
