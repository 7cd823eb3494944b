import io
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rlflood
from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.control.lstm import LSTM
from rlflood.errors import InputError
from rlflood.metrics import Metrics
from rlflood.schedulers import PolicyScheduler

RELATIVE = LevelSet((0.0, 0.2, 0.5, 0.9), "relative")
ABSOLUTE = LevelSet((0.05, 0.1, 0.2))
TURNING = LevelSet((0.0, 0.6, 1.0, 1.4), "turning-point")
in_every_unit = pytest.mark.parametrize(
    "levels", [RELATIVE, ABSOLUTE, TURNING], ids=["relative", "absolute", "turning-point"]
)


few_examples = settings(max_examples=30)  # of each of many variants

with_and_without_memory = st.sampled_from([None, 6])


def controller(seed=0, *, levels=RELATIVE, observation=None, decisions=5, units=None):
    """Random weights, scaled so that what it sees decides what it does; with ``units``, a recurrent one."""
    rng = np.random.default_rng(seed)
    observation = observation or ("turning-point" if levels is TURNING else "extended")
    features = len(FEATURES[observation])
    lstm = None
    if units is not None:
        shapes = ((4 * units, features), (4 * units, units), (4 * units,))
        lstm = LSTM(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))
    sizes = (features if units is None else units, 16, len(levels))
    layers = [
        (3 * rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(ControlSpec(observation, levels, decisions), layers, lstm=lstm)


def metrics(rng, replicas=3):
    loss, accuracy = rng.random((2, replicas)) * 2, rng.random((2, replicas))
    return Metrics(loss[0], accuracy[0], loss[1], accuracy[1])


def test_a_relative_controller_begins_at_zero_and_an_absolute_one_at_its_choice():
    assert PolicyScheduler(controller(), epochs=10).level == 0.0
    chosen = controller(levels=ABSOLUTE)
    (action,), _ = chosen.act(np.zeros((1, 15), np.float32))
    assert PolicyScheduler(chosen, epochs=10).level == ABSOLUTE.values[action]


def test_floats_give_floats_and_arrays_give_arrays():
    one = PolicyScheduler(controller(), epochs=10, classes=2)
    assert isinstance(one.level, float)
    assert isinstance(one.step(train_loss=0.5, train_acc=0.5, val_loss=0.5, val_acc=0.5), float)
    many = PolicyScheduler(controller(), epochs=10, classes=np.array([2, 3]))
    assert many.level.shape == (2,)
    assert many.step(metrics(np.random.default_rng(0), 2)).shape == (2,)
    untold = PolicyScheduler(controller(), epochs=10)
    assert untold.step(metrics(np.random.default_rng(0), 4)).shape == (4,)


def test_between_decisions_the_fraction_stays_and_the_level_follows_the_best_loss():
    constant = Controller(
        ControlSpec("extended", RELATIVE, 2),
        [(np.zeros((4, 15), np.float32), np.array([0, 0, 1, 0], np.float32))],
    )
    scheduler = PolicyScheduler(constant, epochs=6, classes=2)
    levels = [
        scheduler.step(train_loss=0.3, train_acc=0.9, val_loss=loss, val_acc=0.8)
        for loss in (0.8, 0.6, 0.7, float("nan"), 0.4, 0.5)
    ]
    assert levels == pytest.approx([0.4, 0.3, 0.3, 0.3, 0.2, 0.2])


@in_every_unit
@few_examples
@given(seed=st.integers(0, 2**31), units=with_and_without_memory)
def test_replicas_are_steered_as_if_alone(levels, seed, units):
    rng = np.random.default_rng(seed)
    chosen, classes = controller(seed, levels=levels, units=units), np.array([2, 5, 10])
    together = PolicyScheduler(chosen, epochs=10, classes=classes)
    alone = [PolicyScheduler(chosen, epochs=10, classes=int(c)) for c in classes]
    for _ in range(10):
        np.testing.assert_allclose(together.level, [one.level for one in alone], rtol=1e-12)
        seen = metrics(rng)
        together.step(seen)
        for i, one in enumerate(alone):
            one.step(
                train_loss=seen.train_loss[i],
                train_acc=seen.train_acc[i],
                val_loss=seen.val_loss[i],
                val_acc=seen.val_acc[i],
            )


wild = st.floats(-1e30, 1e30) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0])


def possible(row):
    """The metrics nearest to these that can be: no loss below 0, accuracies that are shares."""
    train_loss, train_acc, val_loss, val_acc = (np.array(values) for values in row)
    losses = [np.where(loss == -np.inf, np.inf, np.maximum(loss, 0.0)) for loss in (train_loss, val_loss)]
    shares = [np.where(np.isfinite(share), np.clip(share, 0, 1), 0.5) for share in (train_acc, val_acc)]
    return Metrics(losses[0], shares[0], losses[1], shares[1])


rows = st.lists(st.tuples(*[st.lists(wild, min_size=2, max_size=2)] * 4), min_size=1, max_size=12)


@in_every_unit
@pytest.mark.parametrize("classes", [None, 3])
@few_examples
@given(history=rows, seed=st.integers(0, 100), units=with_and_without_memory)
def test_levels_are_finite_and_not_negative_whatever_the_metrics(levels, classes, history, seed, units):
    scheduler = PolicyScheduler(controller(seed, levels=levels, units=units), epochs=8, classes=classes)
    for row in history:  # on beyond the end of the run, too
        level = scheduler.step(possible(row))
        assert np.isfinite(level).all()
        assert (level >= 0).all()
        if levels is ABSOLUTE:
            assert set(level) <= set(ABSOLUTE.values)


@in_every_unit
@few_examples
@given(seed=st.integers(0, 2**31), start=st.integers(0, 9), units=with_and_without_memory)
def test_a_replica_that_diverges_leaves_the_others_alone(levels, seed, start, units):
    chosen = controller(seed, levels=levels, units=units)
    healthy, broken = (PolicyScheduler(chosen, epochs=10, classes=3) for _ in range(2))
    rng = np.random.default_rng(seed)
    for epoch in range(10):
        seen = metrics(rng)
        spoilt = Metrics(*(getattr(seen, name).copy() for name in Metrics.__dataclass_fields__))
        if epoch >= start:
            for row in (spoilt.train_loss, spoilt.train_acc, spoilt.val_loss, spoilt.val_acc):
                row[1] = np.nan
        np.testing.assert_array_equal(healthy.step(seen)[[0, 2]], broken.step(spoilt)[[0, 2]])


def as_it_is(state):
    return state


def through_json(state):
    return json.loads(json.dumps(state))


def through_torch(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("carried", [as_it_is, through_json, through_torch])
@pytest.mark.parametrize("classes", [None, 3, np.array([2, 5, 10])], ids=["untold", "one", "each"])
@in_every_unit
@few_examples
@given(seed=st.integers(0, 2**31), stop=st.integers(0, 11), units=with_and_without_memory)
def test_a_run_resumes_bit_for_bit(carried, classes, levels, seed, stop, units):
    def make():
        return PolicyScheduler(controller(seed % 50, levels=levels, units=units), epochs=11, classes=classes)

    rng = np.random.default_rng(seed)
    history = [metrics(rng) for _ in range(11)]
    straight, resumed = make(), make()
    for number, seen in enumerate(history):
        if number == stop:
            resumed.load_state_dict(carried(straight.state_dict()))
            np.testing.assert_array_equal(resumed.level, straight.level)
        straight.step(seen)
        if number >= stop:
            np.testing.assert_array_equal(resumed.step(seen), straight.level)
    if stop < 11:
        assert repr(resumed.state_dict()) == repr(straight.state_dict())


def test_the_safeguard_is_at_work_in_these_runs():
    """What the resumptions by the turn are worth: runs are held, and some are left to the rule."""
    left, held = 0, 0
    for seed in range(10):
        scheduler = PolicyScheduler(controller(seed, levels=TURNING), epochs=11, classes=3)
        rng = np.random.default_rng(seed)
        for _ in range(11):
            held += (scheduler.step(metrics(rng)) > 0).sum()
        left += scheduler.left_to_rule.sum()
    assert held > 50 and 3 < left < 27


def test_a_single_run_resumes_through_json():
    rng = np.random.default_rng(4)
    history = [
        dict(zip(("train_loss", "train_acc", "val_loss", "val_acc"), row, strict=True))
        for row in rng.random((9, 4))
    ]
    for stop in range(10):
        straight, resumed = (PolicyScheduler(controller(4), epochs=9) for _ in range(2))
        for row in history[:stop]:
            straight.step(**row)
        resumed.load_state_dict(through_json(straight.state_dict()))
        assert [resumed.step(**row) for row in history[stop:]] == [
            straight.step(**row) for row in history[stop:]
        ]


def test_it_really_decides():
    """The random controllers of these tests do choose differently by what they see."""
    scheduler = PolicyScheduler(controller(levels=ABSOLUTE, decisions=20), epochs=20, classes=2)
    rng = np.random.default_rng(0)
    assert len({tuple(scheduler.step(metrics(rng))) for _ in range(20)}) > 3


@pytest.mark.parametrize(("units", "differ"), [(None, False), (6, True)])
def test_a_memory_holds_what_an_observation_no_longer_shows(units, differ):
    """Replicas whose raw metrics differ at first only go on differently: each remembers its own."""
    chosen = controller(4, levels=ABSOLUTE, observation="metrics", decisions=20, units=units)
    scheduler = PolicyScheduler(chosen, epochs=20, classes=3)
    rng = np.random.default_rng(0)
    for _ in range(5):
        scheduler.step(metrics(rng, 2))
    different = []
    for _ in range(15):
        seen = metrics(rng, 1)
        levels = scheduler.step(Metrics.concat([seen, seen]))
        different.append(levels[0] != levels[1])
    assert any(different) == differ


GUESSING = LevelSet((0.0, 0.2, 0.5, 0.9), "guessing")


@pytest.mark.parametrize("levels", [GUESSING, ABSOLUTE], ids=["guessing", "absolute"])
@few_examples
@given(st.integers(0, 2**31), with_and_without_memory)
def test_one_that_sees_the_training_alone_needs_no_validation(levels, seed, units):
    """Told nothing of it, that there is none, or a validation of whatever numbers: the same levels."""
    chosen = controller(seed % 50, levels=levels, observation="training", units=units)
    alone, none, told = (PolicyScheduler(chosen, epochs=8, classes=3) for _ in range(3))
    assert not alone.needs_validation
    rng = np.random.default_rng(seed)
    for _ in range(8):
        seen = metrics(rng)
        training = {"train_loss": seen.train_loss, "train_acc": seen.train_acc}
        level = alone.step(**training)
        np.testing.assert_array_equal(none.step(**training, val_loss=None, val_acc=None), level)
        np.testing.assert_array_equal(told.step(seen), level)
        assert alone.control.decided == told.control.decided
    assert alone.control.decided == 5, "decisions don't wait for a validation"


@pytest.mark.parametrize("levels", [GUESSING, ABSOLUTE], ids=["guessing", "absolute"])
def test_without_validation_it_resumes_bit_for_bit(levels):
    chosen = controller(1, levels=levels, observation="training")
    straight, resumed = (PolicyScheduler(chosen, epochs=12, classes=3) for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(12):
        seen = metrics(rng)
        training = {"train_loss": seen.train_loss, "train_acc": seen.train_acc}
        state = json.loads(json.dumps(resumed.state_dict()))
        resumed = PolicyScheduler(chosen, epochs=12, classes=3)
        resumed.load_state_dict(state)
        np.testing.assert_array_equal(resumed.step(**training), straight.step(**training))


def test_levels_by_guessing_are_there_before_the_first_epoch():
    chosen = controller(levels=GUESSING, observation="training")
    one, many = (PolicyScheduler(chosen, epochs=5, classes=classes) for classes in (3, np.array([3, 3])))
    assert one.level in [value * np.log(3) for value in GUESSING.values]
    np.testing.assert_array_equal(many.level, [one.level] * 2)
    seen = PolicyScheduler(controller(levels=GUESSING), epochs=5, classes=3)
    assert seen.needs_validation
    with pytest.raises(TypeError, match="missing"):
        seen.step(train_loss=1.0, train_acc=0.5)


def test_a_path_will_do(tmp_path):
    path = tmp_path / "controller.safetensors"
    controller().save(path)
    for scheduler in (
        PolicyScheduler(str(path), epochs=5),
        PolicyScheduler(path, epochs=5),
        rlflood.load_controller(path, epochs=5, classes=10),
    ):
        assert scheduler.controller.spec == controller().spec


def test_bad_input_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="there is no controller file"):
        rlflood.load_controller(tmp_path / "none.safetensors", epochs=5)
    with pytest.raises(InputError, match="at least one epoch"):
        PolicyScheduler(controller(), epochs=0)
    with pytest.raises(InputError, match="two classes or more"):
        PolicyScheduler(controller(), epochs=5, classes=1)
    with pytest.raises(InputError, match="told the number of classes"):
        PolicyScheduler(controller(observation="metrics"), epochs=5)
    with pytest.raises(InputError, match="told the number of classes"):
        PolicyScheduler(controller(observation="training", levels=ABSOLUTE), epochs=5)
    with pytest.raises(InputError, match="multiples of the loss of guessing need the number of classes"):
        PolicyScheduler(controller(levels=GUESSING), epochs=5)
