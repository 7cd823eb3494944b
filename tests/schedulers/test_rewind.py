"""Back to the turning point, and let go in time."""

import numpy as np
import pytest

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import RewindFlood

NAN = float("nan")


def after(val_loss: Values, train_loss: Values) -> Metrics:
    """An epoch of which only the losses matter."""
    return Metrics(train_loss, np.ones_like(train_loss), val_loss, np.ones_like(val_loss))


def test_a_run_by_hand() -> None:
    """Best in epoch 2 of 10, turned in epoch 4: held until no more than 0.6 * 2 epochs are left."""
    scheduler = RewindFlood(epochs=10)
    course = [(1.0, 0.9), (0.8, 0.5), (0.85, 0.3), (0.9, 0.2)] + [(0.9, 0.4)] * 6
    levels = [scheduler.step(after(*losses)) for losses in course]
    # epochs left after each step: 9, 8, ..., 0; 0.88 is a tenth above 0.8
    # 0.3: the third epoch began with the network that was best
    assert levels == pytest.approx([0, 0, 0, 0.24, 0.24, 0.24, 0.24, 0.24, 0, 0])


def test_a_run_that_never_turns_is_never_flooded() -> None:
    scheduler = RewindFlood(epochs=20)
    assert all(scheduler.step(after(1 / epoch, 1 / epoch)) == 0 for epoch in range(1, 21))


def test_a_new_best_while_held_moves_the_level_but_not_the_time() -> None:
    scheduler = RewindFlood(epochs=10, fraction=1.0, release=1.0)
    for losses in [(0.8, 0.6), (1.0, 0.5)]:
        scheduler.step(after(*losses))
    assert scheduler.level == pytest.approx(0.5)
    assert scheduler.step(after(0.7, 0.45)) == pytest.approx(0.45)
    levels = [scheduler.step(after(0.7, 0.4)) for _ in range(7)]
    assert levels == pytest.approx([0.4] * 5 + [0, 0])  # the turn was in epoch 1: one epoch to go


def test_release_0_holds_to_the_end() -> None:
    scheduler = RewindFlood(epochs=4, release=0.0)
    levels = [scheduler.step(after(*losses)) for losses in [(0.8, 0.6), (1.0, 0.5), (1.0, 0.4)]]
    assert levels == pytest.approx([0, 0.4, 0.4])


def test_replicas_turn_apart_and_what_is_not_finite_counts_as_turned() -> None:
    scheduler = RewindFlood(epochs=10, fraction=1.0)
    scheduler.step(after(np.array([0.8, 0.8, NAN]), np.array([0.5, 0.6, 0.7])))
    levels = scheduler.step(after(np.array([0.9, 0.7, NAN]), np.array([0.3, 0.4, 0.5])))
    np.testing.assert_allclose(levels, [0.3, 0, 0])  # the third has no best loss to go back to


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more"),
        ({"epochs": 5, "fraction": -0.1}, "fraction must be finite"),
        ({"epochs": 5, "release": float("inf")}, "release must be finite"),
    ],
)
def test_it_refuses_what_makes_no_sense(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RewindFlood(**options)  # type: ignore[arg-type]
