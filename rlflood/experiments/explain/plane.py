"""The level that a controller would choose, over the plane of its two most telling observations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.explain.importance import Importance
from rlflood.experiments.explain.rollouts import Rollouts
from rlflood.metrics import Array

POINTS = 25
"""Of the grid, along each side."""
THIRDS = ("first third of the run", "middle third", "last third")

_RANGE = (5, 95)  # percentiles of what was seen
_MOST_STATES = 256  # a mean needs no more, and there may be thousands


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One part of the run.

    Attributes:
        title: Which.
        levels: Mean level at each point of the grid, in the unit of the controller's levels, shape
            ``(y points, x points)``.
        seen: The two observations at the decisions recorded in that part, shape ``(decisions, 2)``.
    """

    title: str
    levels: Array
    seen: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Two observations, the grid over them, and what the controller would do there, part by part.

    Attributes:
        x, y: The most and the second most important observation.
        x_values, y_values: The grid, shape ``(points,)``.
        panels: The thirds of the run in which the controller decides.
    """

    x: Importance
    y: Importance
    x_values: Array
    y_values: Array
    panels: tuple[Panel, ...]


def plane_of(rollouts: Rollouts, found: Sequence[Importance], *, seed: int = 0) -> Plane | None:
    """Partial dependence (Friedman, Greedy Function Approximation, 2001) of the level on two observations.

    At each point of the grid the two observations of every recorded state of that part of the run are set to
    the point's, all else (a controller's memory too) is left as it was, and the levels that the controller
    would then choose are averaged. The grid spans the 5th to the 95th percentile of what was recorded over
    the whole run. The first decision, before the first epoch, is left out: all runs look alike then.

    Args:
        rollouts: Where the states come from.
        found: The importances, the greatest first.
        seed: Of the choice of states where there are more than 256 in a part.

    Returns:
        None where fewer than two observations differ between runs, as when there is only one decision.
    """
    decisions = rollouts.decisions
    later = decisions.number > 0
    ranges = {}
    for importance in found:
        values = decisions.observations[later, importance.column]
        if importance.varies and len(values) and values.min() < values.max():
            ranges[importance.column] = _range(values)
    axes = [importance for importance in found if importance.column in ranges][:2]
    if len(axes) < 2:
        return None
    x, y = axes
    x_values, y_values = (np.linspace(*ranges[axis.column], POINTS) for axis in axes)
    rng = np.random.default_rng(seed)
    panels = []
    for third, title in enumerate(THIRDS):
        states = np.flatnonzero(later & (decisions.third == third))
        if not len(states):
            continue
        some = rng.permutation(states)[:_MOST_STATES]
        levels = _partial_dependence(rollouts, some, (x.column, y.column), x_values, y_values)
        panels.append(Panel(title, levels, decisions.observations[states][:, [x.column, y.column]]))
    return Plane(x, y, x_values, y_values, tuple(panels))


def _range(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = np.percentile(values, _RANGE)
    # an observation that seldom differs: all of its range
    return (float(low), float(high)) if low < high else (float(values.min()), float(values.max()))


def _partial_dependence(
    rollouts: Rollouts, states: NDArray[np.int64], columns: tuple[int, int], x_values: Array, y_values: Array
) -> Array:
    controller, decisions = rollouts.controller, rollouts.decisions
    levels = np.empty((len(y_values), len(x_values)))
    # a row of the grid at a time: all of it at once would take 100 MB
    rows = np.tile(states, len(x_values))
    changed = decisions.observations[rows]
    changed[:, columns[0]] = np.repeat(x_values, len(states))
    present = decisions.present[rows]
    memory = None if decisions.memory is None else decisions.memory[rows]
    for number, y in enumerate(y_values):
        changed[:, columns[1]] = y
        actions, _ = controller.act(changed, memory)
        levels[number] = rollouts.levels_of(actions, present).reshape(len(x_values), -1).mean(axis=1)
    return levels
