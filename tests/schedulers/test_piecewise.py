"""A level that falls in steps."""

from collections.abc import Sequence

import numpy as np
import pytest

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import PiecewiseFlood

ONE = Metrics(1.0, 1.0, 1.0, 1.0)


def levels_trained_at(scheduler: PiecewiseFlood, metrics: Metrics, epochs: int) -> list[Values]:
    """The level during each epoch, as a training loop meets it."""
    levels = []
    for _ in range(epochs):
        levels.append(scheduler.level)
        scheduler.step(metrics)
    return levels


def test_halved_after_half_and_after_three_quarters_of_the_run_unless_told_otherwise() -> None:
    levels = levels_trained_at(PiecewiseFlood(0.4, epochs=8), ONE, 10)
    assert levels == pytest.approx([0.4] * 4 + [0.2] * 2 + [0.1] * 4)


def test_a_milestone_within_an_epoch_comes_with_the_next_one() -> None:
    levels = levels_trained_at(PiecewiseFlood(0.3, epochs=5, milestones=(0.5,), factor=0.1), ONE, 5)
    assert levels == pytest.approx([0.3] * 3 + [0.03] * 2)


def test_rounding_does_not_move_a_milestone() -> None:
    assert 0.55 * 100 > 55
    levels = levels_trained_at(PiecewiseFlood(1.0, epochs=100, milestones=(0.55,), factor=0.0), ONE, 100)
    assert levels == [1.0] * 55 + [0.0] * 45


@pytest.mark.parametrize("epochs", [1, 2, 7, 400])
def test_a_longer_run_is_the_same_schedule_stretched(epochs: int) -> None:
    shares = np.arange(epochs) / epochs
    expected = np.where(shares < 0.5, 0.4, np.where(shares < 0.75, 0.2, 0.1))
    np.testing.assert_allclose(levels_trained_at(PiecewiseFlood(0.4, epochs=epochs), ONE, epochs), expected)


def test_each_replica_falls_from_its_own_level() -> None:
    m = np.ones(2)
    levels = levels_trained_at(PiecewiseFlood([0.2, 0.0], epochs=2), Metrics(m, m, m, m), 2)
    np.testing.assert_allclose(levels, [[0.2, 0.0], [0.1, 0.0]])


def test_without_milestones_it_is_constant() -> None:
    assert levels_trained_at(PiecewiseFlood(0.2, epochs=2, milestones=()), ONE, 4) == [0.2] * 4


@pytest.mark.parametrize("milestones", [(0.0,), (1.0,), (0.7, 0.5), (0.5, 0.5), (np.nan,)])
def test_it_refuses_what_are_no_milestones(milestones: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="milestones must rise"):
        PiecewiseFlood(0.2, epochs=10, milestones=milestones)


@pytest.mark.parametrize(
    ("level", "epochs", "factor", "message"),
    [
        (-0.1, 10, 0.5, "level must"),
        (0.1, 0, 0.5, "epochs must"),
        (0.1, 10, -0.5, "factor must"),
        (0.1, 10, 1.5, "factor must"),
        (0.1, 10, np.nan, "factor must"),
    ],
)
def test_it_refuses_other_settings_that_are_none(
    level: float, epochs: int, factor: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PiecewiseFlood(level, epochs=epochs, factor=factor)
