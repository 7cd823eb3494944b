"""What a controller does, in figures for a terminal."""

from collections.abc import Sequence

import numpy as np

from rlflood.experiments.explain.importance import Importance
from rlflood.experiments.explain.rollouts import Rollouts
from rlflood.metrics import Array
from rlflood.words import counted

Listing = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings and rows, as `print_listing` shows them."""

_MOST_FEATURES = 8


def importance_rows(found: Sequence[Importance]) -> Listing:
    """The observations that the choices hang on, the most important first: up to eight.

    Args:
        found: The importances, the greatest first.
    """
    rows: list[tuple[str, ...]] = [
        (
            importance.feature,
            f"{importance.level_change.mean:.3f} ± {importance.level_change.half:.3f}",
            f"{importance.probability_moved.mean:.3f} ± {importance.probability_moved.half:.3f}",
        )
        for importance in found[:_MOST_FEATURES]
        if importance.probability_moved.mean > 0
    ]
    if not rows:
        rows.append(("nothing that differs between runs", "0", "0"))
    return ("observation", "level moves by", "probability moved"), rows


def level_rows(rollouts: Rollouts) -> Listing:
    """The mean level by label noise in each third of the run: as a fraction, and in nats in brackets.

    And, where the controller sets it, the mean strength.
    """
    epochs = rollouts.levels.shape[1]
    third = 3 * np.arange(epochs) // epochs
    rows: list[tuple[str, ...]] = []
    for noise in np.unique(rollouts.label_noise):
        runs = rollouts.label_noise == noise
        cells = []
        for part in range(3):
            within = np.ix_(runs, third == part)
            cell = f"{_mean(rollouts.fractions[within])} ({_mean(rollouts.levels[within])})"
            if rollouts.strengths is not None:
                cell += f", {rollouts.strengths[within].mean():.1f}"
            cells.append(cell)
        rows.append((f"{100 * noise:g} %", *cells))
    return ("label noise", "first third", "middle third", "last third"), rows


def notes(rollouts: Rollouts) -> list[str]:
    """The lines under the tables: what their columns mean."""
    spec = rollouts.controller.spec
    unit = "in nats" if rollouts.unit == "nats" else f"as a {rollouts.unit}"
    lines = [
        "Choices: what becomes of them if one observation is permuted among the runs at the same "
        f"decision: mean change of the level ({unit}) and of the probabilities (moved to other actions); "
        "± half of the 95 % interval over tasks.",
        "Mean level: over the best validation loss so far, and in nats in brackets"
        + (f"; then the mean strength of {spec.criterion}." if spec.strengths else "."),
    ]
    if spec.returning:
        lines.append(
            f"The best weights were put back {rollouts.returns.mean():.1f} times a run, "
            f"{rollouts.returns.max()} times at most."
        )
    if rollouts.label_noise.any():
        lines.append("Label noise: the share of training and validation labels that are wrong.")
    if diverged := int(rollouts.diverged.sum()):
        lines.append(
            f"{diverged} of {counted(rollouts.diverged, 'run')} diverged: their loss was no longer finite at "
            "the end."
        )
    left = rollouts.left_to_rule
    if left.any():
        lines.append(
            f"{left.sum()} of {counted(left, 'run')} were left to the rule `rewind`, because the network "
            "was carried too far beyond a level: choices after that are not counted."
        )
    return lines


def _mean(values: Array) -> str:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "-"
    mean = finite.mean()
    # where runs diverge there is no end to the level
    return f"{mean:.3f}" if mean < 1000 else f"{mean:.1e}"
