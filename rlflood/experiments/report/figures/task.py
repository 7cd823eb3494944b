"""Figures of one task's diagnoses: test loss, flatness, and the loss around the weights.

All show medians over the repeats that were looked at, and test losses against labels with the task's noise.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.report.figures.canvas import (
    TWO_COLUMNS,
    draw_legend,
    height_for,
    make_logarithmic,
    new_canvas,
    plain,
    width_for,
)
from rlflood.experiments.report.figures.palette import Style
from rlflood.experiments.report.figures.schedules import finite_median
from rlflood.experiments.runs.diagnosis import Diagnosis
from rlflood.metrics import Array

_TITLES = {"below level": "when first below the flood level", "end": "after the last epoch"}


def draw_test_loss(task: str, diagnoses: Mapping[str, Diagnosis], looks: Mapping[str, Style]) -> Any:
    """The test loss by the epoch: where it falls, rises and falls again, there is epoch-wise double descent.

    Args:
        task: The task's name.
        diagnoses: By method.
        looks: Of all methods.
    """
    canvas = new_canvas(width_for(list(diagnoses)), height_for(list(diagnoses), 2.7))
    panel = canvas.subplots()
    for method, diagnosis in diagnoses.items():
        _draw_line(panel, diagnosis.epochs, finite_median(diagnosis.noisy_test_loss), looks[method])
    _logarithmic(panel.yaxis)
    panel.set_xlabel("epoch")
    panel.set_ylabel("test loss (nats)")
    panel.set_title(plain(task))
    _draw_names(canvas, diagnoses, looks)
    return canvas


def draw_flatness(task: str, diagnoses: Mapping[str, Diagnosis], looks: Mapping[str, Style]) -> Any:
    """The gradient's norm against the test loss, a path over the epochs to the marker at the last.

    Left and below is better: a low test loss where the training loss is flat.

    Args:
        task: The task's name.
        diagnoses: By method.
        looks: Of all methods.
    """
    canvas = new_canvas(width_for(list(diagnoses)), height_for(list(diagnoses), 2.7))
    panel = canvas.subplots()
    for method, diagnosis in diagnoses.items():
        losses, norms = finite_median(diagnosis.noisy_test_loss), finite_median(diagnosis.gradient_norm)
        _draw_line(panel, losses, norms, looks[method], width=0.8)
    _logarithmic(panel.xaxis)
    _logarithmic(panel.yaxis)
    panel.set_xlabel("test loss (nats)")
    panel.set_ylabel("filter-normalised gradient norm")
    panel.set_title(plain(f"{task}\nline: over the epochs; marker: the last"))
    _draw_names(canvas, diagnoses, looks)
    return canvas


def draw_perturbation(task: str, diagnoses: Mapping[str, Diagnosis], looks: Mapping[str, Style]) -> Any:
    """Training and test loss along a random direction around two networks of each run.

    Args:
        task: The task's name.
        diagnoses: By method.
        looks: Of all methods.

    Returns:
        Matplotlib's figure, two columns wide.
    """
    legend = 0.155 * len(diagnoses) + 0.3
    canvas = new_canvas(TWO_COLUMNS, max(4.2, legend))
    networks = next(iter(diagnoses.values())).networks
    panels = canvas.subplots(2, len(networks), sharex=True, sharey="row", squeeze=False)
    for column, network in enumerate(networks):
        for row_number, split in enumerate(("train", "noisy_test")):
            panel = panels[row_number, column]
            for method, diagnosis in diagnoses.items():
                losses = getattr(diagnosis, f"perturbed_{split}_loss")[diagnosis.networks.index(network)]
                _draw_line(panel, diagnosis.alphas, finite_median(losses), looks[method], ends=(0, -1))
        panels[0, column].set_title(_TITLES[network])
        panels[1, column].set_xlabel("step (sizes of the filters)")
    for row in panels:
        _logarithmic(*(panel.yaxis for panel in row))
    panels[0, 0].set_ylabel("training loss (nats)")
    panels[1, 0].set_ylabel("test loss (nats)")
    canvas.suptitle(plain(task), fontsize=8)
    _draw_names(canvas, diagnoses, looks)
    return canvas


def _draw_line(
    panel: Any, x: NDArray[Any], y: Array, look: Style, *, width: float = 1.2, ends: tuple[int, ...] = (-1,)
) -> None:
    """A line with the marker at its last point, or at these ends."""
    finite = np.flatnonzero(np.isfinite(y))
    panel.plot(
        x,
        y,
        color=look.colour_light,
        linestyle=look.linestyle,
        linewidth=width,
        marker=look.matplotlib_marker,
        markevery=finite[list(ends)].tolist() if finite.size else [],
    )


def _logarithmic(*axes: Any) -> None:
    """Make axes that are shared logarithmic, by all that is drawn on them."""
    intervals = np.array([axis.get_data_interval() for axis in axes])
    make_logarithmic(axes[0], intervals[:, 0].min(), intervals[:, 1].max())


def _draw_names(canvas: Any, diagnoses: Mapping[str, Diagnosis], looks: Mapping[str, Style]) -> None:
    draw_legend(canvas, {method: method for method in diagnoses}, looks)
