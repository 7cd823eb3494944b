"""What a scheduler remembers of its epochs."""

import json
from typing import Any

import numpy as np
import pytest
import torch

import rlflood
from rlflood.schedulers.history import History

NAN = float("nan")
RUN = [(1.0, 0.5, 1.1, 0.4), (0.6, 0.7, 0.9, 0.6), (0.3, 0.9, 1.2, 0.6), (0.2, 1.0, 1.5, 0.5)]
COLUMNS = ("train_loss", "train_acc", "val_loss", "val_acc")


def stepped(scheduler: rlflood.FloodScheduler, run: Any = RUN) -> rlflood.FloodScheduler:
    for epoch in run:
        scheduler.step(**dict(zip(COLUMNS, epoch, strict=True)))
    return scheduler


def test_levels_are_those_that_the_epochs_were_trained_at_and_metrics_as_reported() -> None:
    history = stepped(rlflood.TrackingFlood(0.5)).history
    assert len(history) == 4
    np.testing.assert_array_equal(history.epoch, [1, 2, 3, 4])
    # half of the best validation loss of the epochs before
    np.testing.assert_allclose(history.level, [0, 0.55, 0.45, 0.45])
    for name, values in zip(COLUMNS, zip(*RUN, strict=True), strict=True):
        np.testing.assert_array_equal(getattr(history, name), values)
    assert np.isnan(history.strength).all() and not history.returns.any()
    # the train loss first lies below the level of the next epoch after the third
    np.testing.assert_array_equal(history.begins, [False, False, False, True])


def test_of_replicas_every_column_but_the_numbers_has_two_dimensions() -> None:
    scheduler = rlflood.TrackingFlood(0.5)
    pairs = [tuple(torch.tensor([value, value / 2]) for value in epoch) for epoch in RUN]
    history = stepped(scheduler, pairs).history
    np.testing.assert_allclose(history.level, [[0, 0], [0.55, 0.275], [0.45, 0.225], [0.45, 0.225]])
    assert history.epoch.shape == (4,) and history.val_acc.shape == history.returns.shape == (4, 2)


def test_no_validation_is_nan_and_a_slip_is_kept_as_it_was_reported() -> None:
    scheduler = rlflood.ConstantFlood(0.1)
    scheduler.step(train_loss=1.0, train_acc=0.5)
    scheduler.step(train_loss=NAN, train_acc=NAN, val_loss=1.0, val_acc=0.5)
    history = scheduler.history
    np.testing.assert_array_equal(history.val_loss, [NAN, 1.0])
    np.testing.assert_array_equal(history.train_loss, [1.0, NAN])


def test_what_is_refused_is_not_remembered() -> None:
    scheduler = rlflood.ConstantFlood(0.1)
    with pytest.raises(ValueError, match="share"):
        scheduler.step(train_loss=1.0, train_acc=50.0)
    assert len(scheduler.history) == 0 and scheduler.history.level.shape == (0,)


def test_strengths_and_returns_are_those_of_the_epoch_itself() -> None:
    controller = rlflood.load_controller("robust", epochs=40, classes=3)
    strengths, returns = [], []
    for epoch in range(40):
        strengths.append(controller.strength)
        returns.append(bool(np.all(controller.returns)))
        loss = abs(epoch - 8) / 10 + 0.3
        controller.step(train_loss=1 / (epoch + 1), train_acc=0.9, val_loss=loss, val_acc=0.6)
    np.testing.assert_array_equal(controller.history.strength, np.array(strengths, float))
    np.testing.assert_array_equal(controller.history.returns, returns)


def test_a_reader_changes_nothing() -> None:
    history = stepped(rlflood.TrackingFlood()).history
    history.level[:] = 9
    assert history.level.max() < 1
    with pytest.raises(AttributeError):
        history.level = np.zeros(4)  # type: ignore[misc]


@pytest.mark.parametrize("run", [RUN, [np.array([epoch, epoch]).T for epoch in RUN]], ids=["one", "two"])
def test_a_resumed_run_goes_on_with_its_history(run: Any) -> None:
    whole = stepped(rlflood.TrackingFlood(0.5), run)
    again = rlflood.TrackingFlood(0.5)
    again.load_state_dict(json.loads(json.dumps(stepped(rlflood.TrackingFlood(0.5), run[:2]).state_dict())))
    stepped(again, run[2:])
    for name in History._state:
        np.testing.assert_array_equal(getattr(again.history, name), getattr(whole.history, name))
    assert again.state_dict() == whole.state_dict(), "NaN in both"


def test_a_state_without_a_history_begins_one() -> None:
    state = stepped(rlflood.TrackingFlood(0.5), RUN[:2]).state_dict()
    del state["history"]
    again = stepped(rlflood.TrackingFlood(0.5), RUN)  # what it remembered was another run
    again.load_state_dict(state)
    assert len(again.history) == 0
    stepped(again, RUN[2:])
    np.testing.assert_array_equal(again.history.epoch, [3, 4])
    np.testing.assert_allclose(again.history.level, [0.45, 0.45])


@pytest.mark.parametrize(
    "damage", [{"epoch": [1, 2]}, {"epoch": [0, 1, 2, 3]}, {"level": [0.1]}, {"val_acc": [[0.1, 0.2]] * 4}]
)
def test_a_damaged_history_is_refused_and_changes_nothing(damage: dict[str, Any]) -> None:
    scheduler = stepped(rlflood.TrackingFlood())
    state, before = scheduler.state_dict(), scheduler.state_dict()
    state["history"] |= damage
    with pytest.raises(ValueError, match="damaged"):
        scheduler.load_state_dict(state)
    assert scheduler.state_dict() == before


def test_a_history_of_two_networks_is_none_of_one() -> None:
    one, two = (stepped(rlflood.TrackingFlood(), run) for run in (RUN, [np.array([e, e]).T for e in RUN]))
    with pytest.raises(ValueError, match="shape"):
        one.load_state_dict(one.state_dict() | {"history": two.state_dict()["history"]})
