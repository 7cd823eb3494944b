"""Levels that were fixed beforehand."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import ReplayFlood

ONE = Metrics(1.0, 1.0, 1.0, 1.0)


def levels_trained_at(scheduler: ReplayFlood, metrics: Metrics, epochs: int) -> list[Values]:
    """The level during each epoch, as a training loop meets it."""
    levels = []
    for _ in range(epochs):
        levels.append(scheduler.level)
        scheduler.step(metrics)
    return levels


def test_epoch_by_epoch_then_the_last() -> None:
    assert levels_trained_at(ReplayFlood([0.1, 0.3, 0.2]), ONE, 5) == [0.1, 0.3, 0.2, 0.2, 0.2]


def test_a_column_for_each_replica() -> None:
    levels = np.array([[0.1, 0.2], [0.3, 0.0]])
    m = np.ones(2)
    replayed = levels_trained_at(ReplayFlood(levels), Metrics(m, m, m, m), 3)
    np.testing.assert_array_equal(np.stack(replayed), levels[[0, 1, 1]])


def test_one_row_of_levels_serves_many_replicas() -> None:
    m = np.ones(3)
    np.testing.assert_array_equal(ReplayFlood([0.1, 0.2]).step(Metrics(m, m, m, m)), [0.2, 0.2, 0.2])


def test_it_keeps_its_own_copy() -> None:
    levels = np.array([0.1, 0.2])
    scheduler = ReplayFlood(levels)
    levels[:] = 9
    assert levels_trained_at(scheduler, ONE, 2) == [0.1, 0.2]


@pytest.mark.parametrize(
    "levels", [[], 0.1, [[[0.1]]], np.zeros((0, 2)), [0.1, -0.1], [0.1, np.nan], [[np.inf]]]
)
def test_it_refuses_what_are_no_levels(levels: ArrayLike) -> None:
    with pytest.raises(ValueError, match="level"):
        ReplayFlood(levels)
