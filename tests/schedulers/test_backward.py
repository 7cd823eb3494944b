"""Descend to zero first, flood afterwards."""

import numpy as np
import pytest

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import BackwardFlood


def after(train_loss: Values) -> Metrics:
    """An epoch of which only the training loss matters."""
    return Metrics(train_loss, np.ones_like(train_loss), np.ones_like(train_loss), np.ones_like(train_loss))


def test_it_floods_from_the_epoch_after_the_first_below_the_threshold_and_for_ever() -> None:
    scheduler = BackwardFlood(0.26)
    assert scheduler.level == 0
    levels = [scheduler.step(after(loss)) for loss in (0.7, 1e-4, 0.99e-4, 0.3, 2.0)]
    assert levels == [0, 0, 0.26, 0.26, 0.26]


def test_each_replica_has_its_own_time_and_level() -> None:
    scheduler = BackwardFlood([0.1, 0.2, 0.3], threshold=0.01)
    np.testing.assert_array_equal(scheduler.level, [0, 0, 0])
    np.testing.assert_array_equal(scheduler.step(after(np.array([0.5, 0.001, np.nan]))), [0, 0.2, 0])
    np.testing.assert_array_equal(scheduler.step(after(np.array([0.001, 0.5, 0.001]))), [0.1, 0.2, 0.3])


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf")])
def test_it_refuses_a_threshold_that_nothing_reaches(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must"):
        BackwardFlood(0.1, threshold)


@pytest.mark.parametrize("level", [-0.1, float("nan"), [0.1, float("inf")]])
def test_it_refuses_what_is_no_level(level: float) -> None:
    with pytest.raises(ValueError, match="level must"):
        BackwardFlood(level)
