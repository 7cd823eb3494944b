import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control import ControlSpec, LevelSet
from rlflood.control.control import Control
from rlflood.errors import InputError
from rlflood.metrics import Metrics

METRICS = Metrics(0.5, 0.7, 0.6, 0.6)
RELATIVE = LevelSet((0.0, 0.5, 1.0), "relative")


def control(*, epochs, decisions, levels=RELATIVE, classes=2):
    return Control(ControlSpec("extended", levels, decisions), epochs=epochs, classes=classes)


def decision_epochs(joined):
    """The epochs before which a decision is due, by a whole run."""
    begun = []
    for epoch in range(joined.epochs):
        if joined.due:
            begun.append(epoch)
            joined.act(np.array([1]))
        assert not joined.due  # one decision an epoch
        joined.update(METRICS, joined.level)
    assert not joined.due
    return begun


@given(st.integers(1, 300), st.integers(1, 60))
def test_decisions_are_evenly_spread_for_any_length_of_run(epochs, decisions):
    begun = decision_epochs(control(epochs=epochs, decisions=decisions))
    assert begun[0] == 0
    assert len(begun) == min(decisions, epochs)
    lengths = np.diff([*begun, epochs])
    assert lengths.max() - lengths.min() <= 1
    assert lengths.min() == epochs // len(begun)


@pytest.mark.parametrize(
    ("epochs", "decisions", "expected"),
    [
        (10, 5, [0, 2, 4, 6, 8]),
        (10, 4, [0, 2, 5, 7]),
        (3, 20, [0, 1, 2]),
        (7, 1, [0]),
        (1, 1, [0]),
    ],
)
def test_when_it_decides(epochs, decisions, expected):
    assert decision_epochs(control(epochs=epochs, decisions=decisions)) == expected


def test_a_relative_level_follows_the_best_loss_between_decisions():
    joined = control(epochs=4, decisions=1)
    joined.act(np.array([1, 2]))
    levels = []
    for val_loss in ([0.8, 0.4], [0.6, 0.5], [np.nan, 0.2], [0.7, 0.3]):
        levels.append(joined.level.tolist())
        seen = Metrics(*(np.array(row) for row in ([1.0, 1.0], [0.5, 0.5], val_loss, [0.5, 0.5])))
        joined.update(seen, joined.level)
    np.testing.assert_allclose(levels, [[0, 0], [0.4, 0.4], [0.3, 0.4], [0.3, 0.2]])


def test_there_is_no_way_up_when_less_is_left_than_it_took_to_the_turn():
    joined = control(epochs=12, decisions=1, levels=LevelSet((0.0, 0.5), "turning-point"))
    joined.act(np.array([1]))
    # best after epoch 3, of which epoch 4 shows the train loss; turned at epoch 4; the network learns on
    train = np.array([0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, np.nan, 0.5, -0.1])
    val = np.array([0.7, 0.65, 0.6, *[0.9] * 9])
    levels = []
    for train_loss, val_loss in zip(train, val, strict=True):
        levels += joined.level.tolist()
        joined.update(Metrics(train_loss, 0.5, val_loss, 0.5), joined.level)
    held = [0.2] * 5  # epochs 5 to 9; from the tenth on three or fewer are left
    np.testing.assert_allclose(levels, [0, 0, 0, 0, *held, 0.1, 0.2, 0.2])
    assert joined.level == 0  # a negative loss is no level


def test_the_observer_is_told_the_level_of_the_epoch_that_ended():
    joined = control(epochs=4, decisions=4, levels=LevelSet((0.0, 0.5, 1.0)))
    joined.act(np.array([2]))
    joined.update(METRICS, joined.level)
    assert joined.observation()[0, 2] == pytest.approx(1 / np.log(2))
    joined.act(np.array([0]))
    assert joined.observation()[0, 2] == pytest.approx(1 / np.log(2))
    joined.update(METRICS, joined.level)
    assert joined.observation()[0, 2] == 0


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 2**31))
def test_a_run_resumes_bit_for_bit(decisions, stop, seed):
    rng = np.random.default_rng(seed)
    straight, second = (control(epochs=12, decisions=decisions, classes=None) for _ in range(2))
    for epoch in range(12):
        if epoch == stop:
            second.load_state_dict(straight.state_dict())
        following = [straight, second] if epoch >= stop else [straight]
        action, metrics = rng.integers(3, size=2), Metrics(*rng.random((4, 2)))
        for joined in following:
            if joined.due:
                joined.act(action)
        for joined in following[1:]:
            np.testing.assert_array_equal(joined.level, straight.level)
            np.testing.assert_array_equal(joined.observation(), straight.observation())
        for joined in following:
            joined.update(metrics, joined.level)


def test_a_state_is_a_copy():
    joined = control(epochs=4, decisions=4)
    joined.act(np.array([1]))
    state = joined.state_dict()
    before = json.dumps(state, default=lambda array: array.tolist())
    joined.update(METRICS, joined.level)
    joined.actions[0] = 2
    assert json.dumps(state, default=lambda array: array.tolist()) == before


def test_bad_settings_are_input_errors():
    with pytest.raises(InputError, match="at least one epoch: got epochs=0"):
        control(epochs=0, decisions=3)
    with pytest.raises(InputError, match="got decisions=0"):
        ControlSpec(decisions=0)
    with pytest.raises(InputError, match="unknown observation"):
        ControlSpec(observation="pixels")
