"""Hold the mean at the turn, and keep the average."""

import numpy as np
import pytest
import torch

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import HoldFlood


def after(train_loss: Values, val_loss: Values, val_acc: Values = 1.0) -> Metrics:
    """An epoch; its train accuracy does not matter."""
    ones = np.ones_like(np.asarray(train_loss, float))
    return Metrics(ones * train_loss, ones, ones * val_loss, ones * val_acc)


def test_a_run_by_hand() -> None:
    """Best in epoch 2, turned in epoch 4; the third epoch began with the network that was best."""
    scheduler = HoldFlood(0.5, returning=False)
    course = [(0.9, 1.0), (0.5, 0.8), (0.3, 0.85), (0.1, 0.9), (0.2, 0.9), (0.1, 0.9)]
    found = []
    for losses in course:
        level = scheduler.step(after(*losses))
        found.append((level, scheduler.begins, scheduler.returns))
    assert [level for level, _, _ in found] == pytest.approx([0, 0, 0, 0.15, 0.15, 0.15])
    # the average begins once, where the train loss (0.1) is below the level
    assert [bool(begins) for _, begins, _ in found] == [False, False, False, True, False, False]
    assert not any(np.any(returns) for *_, returns in found)


def test_a_run_that_never_turns_is_never_flooded() -> None:
    scheduler = HoldFlood()
    assert all(scheduler.step(after(1 / epoch, 1 / epoch)) == 0 for epoch in range(1, 21))


def test_it_returns_at_the_turn_and_each_time_that_the_turn_took() -> None:
    """The best epoch is 3, it turns in epoch 4: returns follow after epochs 4, 7, 10."""
    scheduler = HoldFlood()
    returns = []
    for val_loss in [1.0, 0.9, 0.8, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95]:
        scheduler.step(after(0.1, val_loss))
        returns.append(bool(np.all(scheduler.returns)))
        assert not returns[-1] or np.all(scheduler.begins), "the average begins anew with the best weights"
    assert [epoch for epoch, back in enumerate(returns, start=1) if back] == [4, 7, 10]


def test_a_turn_by_accuracy_is_two_points_of_the_smoothed_one() -> None:
    """By hand: the smoothed accuracy moves a third of the way, .8, .8667, .8578, .8452."""
    scheduler = HoldFlood(1.0, turn="accuracy")
    losses = [(0.9, 0.7), (0.8, 0.9), (0.6, 1.2), (0.4, 2.0)]  # the validation loss rises all the time
    accuracies = [0.8, 1.0, 0.84, 0.82]
    levels = [scheduler.step(after(*pair, acc)) for pair, acc in zip(losses, accuracies, strict=True)]
    # .8452 is more than .02 below .8667; epoch 3 began with the network that was best
    assert levels == pytest.approx([0, 0, 0, 0.6])


def test_by_accuracy_a_lost_run_has_turned() -> None:
    scheduler = HoldFlood(1.0, turn="accuracy")
    scheduler.step(after(0.5, 0.5, 0.9))
    levels = [scheduler.step(after(0.4, float("nan"), float("nan"))) for _ in range(4)]
    assert levels[-1] > 0


def test_replicas_turn_and_return_apart() -> None:
    scheduler = HoldFlood()
    scheduler.step(after(np.array([0.5, 0.5]), np.array([0.8, 0.8])))
    scheduler.step(after(np.array([0.3, 0.4]), np.array([0.9, 0.7])))
    np.testing.assert_array_equal(scheduler.returns, [True, False])
    np.testing.assert_array_equal(scheduler.begins, [True, False])


def test_what_is_not_usable_is_told() -> None:
    with pytest.raises(ValueError, match="fraction must be finite"):
        HoldFlood(-0.1)


def test_in_a_loop_of_one_network_a_return_begins_its_running_mean_anew() -> None:
    """Losses are numbers there, as most people have them."""
    scheduler = HoldFlood()
    assert scheduler.hold.batches > 1 and scheduler.returning
    returned = 0
    for epoch, val_loss in enumerate([1.0, 0.9, 1.2, 1.3, 1.4, 1.5, 1.6]):
        scheduler(torch.tensor(0.5 + epoch))
        scheduler.step(train_loss=1 / (epoch + 1), train_acc=0.5, val_loss=val_loss, val_acc=0.5)
        if np.any(scheduler.returns):
            returned += 1
            assert scheduler.state_dict()["batches"]["count"] == 0
    assert returned >= 2
