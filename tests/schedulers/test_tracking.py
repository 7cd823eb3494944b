"""A level in proportion to the best validation loss."""

import numpy as np
import pytest

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import TrackingFlood


def after(val_loss: Values) -> Metrics:
    """An epoch of which only the validation loss matters."""
    return Metrics(np.ones_like(val_loss), np.ones_like(val_loss), val_loss, np.ones_like(val_loss))


def test_it_follows_the_lowest_validation_loss() -> None:
    scheduler = TrackingFlood(0.5)
    assert scheduler.level == 0
    levels = [scheduler.step(after(loss)) for loss in (0.8, 1.2, 0.6, 0.7)]
    assert levels == pytest.approx([0.4, 0.4, 0.3, 0.3])


def test_seven_tenths_unless_told_otherwise() -> None:
    assert TrackingFlood().step(after(1.0)) == pytest.approx(0.7)


def test_a_loss_that_is_no_number_is_no_best_loss() -> None:
    scheduler = TrackingFlood(0.5)
    np.testing.assert_array_equal(scheduler.step(after(np.array([np.nan, np.inf, 0.4]))), [0, 0, 0.2])
    np.testing.assert_array_equal(scheduler.step(after(np.array([0.8, 0.6, np.nan]))), [0.4, 0.3, 0.2])


def test_fraction_0_is_no_flooding() -> None:
    scheduler = TrackingFlood(0.0)
    assert [scheduler.step(after(loss)) for loss in (np.inf, 0.5)] == [0, 0]


@pytest.mark.parametrize("fraction", [-0.1, float("nan"), float("inf")])
def test_it_refuses_what_is_no_fraction(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction must"):
        TrackingFlood(fraction)
