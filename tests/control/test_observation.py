import json
import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlflood.control.features import FEATURES, OBSERVATIONS, ObservationKind
from rlflood.control.observation import Observer, bounds
from rlflood.errors import InputError
from rlflood.metrics import Metrics

KINDS = tuple(OBSERVATIONS)
TOLD = ("metrics", "training", "complete")
"""The kinds that must be told the number of classes."""
LN2 = math.log(2)

wild = st.floats(width=64) | st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
sane = st.floats(0, 5)
few_examples = settings(max_examples=30)  # of each of several kinds


def epochs_of(values, replicas=3):
    """Histories: a list of epochs, each of four rows of ``replicas`` values, and a row of levels."""
    row = st.lists(values, min_size=replicas, max_size=replicas).map(np.array)
    return st.lists(
        st.tuples(row, row, row, row, st.lists(sane, min_size=3, max_size=3).map(np.array)), max_size=8
    )


def observer(kind="extended", *, epochs=10, decisions=5, classes=2):
    return Observer(kind, epochs=epochs, decisions=decisions, classes=classes)


def named(observed):
    """The features of one replica by their names."""
    return dict(zip(FEATURES[observed.kind], observed.features()[0].tolist(), strict=True))


def test_before_the_first_epoch_it_sees_a_network_that_guesses():
    assert observer("metrics", classes=4).features()[0].tolist() == pytest.approx(
        [math.log(4), 0.25, math.log(4), 0.25], rel=1e-6
    )
    for classes in (None, 2, 7):
        assert not observer(classes=classes).features().any()


def test_the_raw_metrics_are_the_four_numbers():
    watched = observer("metrics")
    watched.update(Metrics(0.5, 0.75, 0.625, 0.5), np.array([0.1]))
    assert watched.features().tolist() == [[0.5, 0.75, 0.625, 0.5]]
    assert watched.features().dtype == np.float32


def test_the_features_of_three_epochs_by_hand():
    """Two classes, ten epochs, five decisions: averages decay by exp(-5/10) an epoch."""
    watched = observer()
    watched.update(Metrics(LN2, 0.5, LN2, 0.5), np.array([0.0]))
    first = named(watched)
    assert first["share of the budget spent"] == pytest.approx(0.1)
    assert first["share of the budget since the best validation loss"] == 0
    assert first["best validation accuracy"] == 0
    assert first["change of log train loss"] == 0

    watched.update(Metrics(LN2 / 2, 0.9, LN2 / 10, 0.8), np.array([0.3]))
    second = named(watched)
    kept = math.exp(-0.5)
    expected = {
        "share of the budget spent": 0.2,
        "share of the budget since the best validation loss": 0.0,
        "level": 0.3 / LN2,
        "level over best validation loss": 2.0,  # 0.3 / 0.069 = 4.3, clipped
        "log train loss": -math.log10(2),
        "log validation loss": -1.0,
        "log best validation loss": -1.0,
        "log train loss at the best validation loss": -math.log10(2),
        "train accuracy": 0.8,
        "validation accuracy": 0.6,
        "best validation accuracy": 0.6,
        "accuracy gap": 0.2,
        # the average went from 0 to (1 - kept) of the new value, so kept of it is ahead
        "change of log train loss": -math.log10(2) * kept,
        "change of log validation loss": -kept,
        "change of validation accuracy": 0.6 * kept,
    }
    assert second == pytest.approx(expected, abs=1e-6)

    watched.update(Metrics(LN2 / 4, 1.0, LN2 / 5, 0.7), np.array([0.03]))
    third = named(watched)
    average = kept * (1 - kept) * -1.0 + (1 - kept) * -math.log10(5)
    expected = {
        "share of the budget spent": 0.3,
        "share of the budget since the best validation loss": 0.1,
        "level": 0.03 / LN2,
        "level over best validation loss": 0.3 / LN2,
        "log train loss": -math.log10(4),
        "log validation loss": -math.log10(5),
        "log best validation loss": -1.0,
        # this epoch began with the best network
        "log train loss at the best validation loss": -math.log10(4),
        "train accuracy": 1.0,
        "validation accuracy": 0.4,
        "best validation accuracy": 0.6,
        "accuracy gap": 0.6,
        "change of log validation loss": -math.log10(5) - average,
    }
    assert {name: third[name] for name in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("classes", [None, 2])
def test_the_first_epoch_is_no_change_however_far_from_guessing(classes):
    watched = observer(classes=classes)
    watched.update(Metrics(LN2 / 4, 0.9, LN2 / 5, 0.8), np.array([0.0]))
    assert [value for name, value in named(watched).items() if "change" in name] == [0, 0, 0]


def test_problems_of_different_class_counts_look_alike():
    """A tenth of the loss of guessing, and half the way from chance to perfect, for 2, 10 and 100 classes."""
    classes = np.array([2, 10, 100])
    watched = observer(classes=classes)
    loss, accuracy = np.log(classes) / 10, (1 + 1 / classes) / 2
    for _ in range(2):
        watched.update(Metrics(loss, accuracy, loss, accuracy), loss / 2)
    features = watched.features()
    np.testing.assert_allclose(features, np.broadcast_to(features[0], features.shape), rtol=1e-5)
    assert named(watched)["validation accuracy"] == pytest.approx(0.5)


def test_without_the_classes_the_first_validation_loss_is_that_of_guessing():
    told, untold = observer(classes=10), observer(classes=None)
    for loss in (math.log(10), 1.0, 0.5):
        for watched in (told, untold):
            watched.update(Metrics(loss, 0.6, loss, 0.5), np.array([0.1]))
    np.testing.assert_allclose(told.features(), untold.features(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("first", [0.0, -1.0, 1e-9])
def test_a_first_loss_that_cannot_be_that_of_guessing_counts_as_two_classes(first):
    two, untold = observer(classes=2), observer(classes=None)
    for loss in (first, 0.5):
        for watched in (two, untold):
            watched.update(Metrics(0.4, 0.6, loss, 0.5), np.array([0.1]))
    np.testing.assert_allclose(two.features(), untold.features(), rtol=1e-6, atol=1e-7)


def test_the_loss_of_guessing_is_the_first_that_is_finite_for_each_replica():
    untold, alone = observer(classes=None), observer(classes=None)
    for loss in ([np.nan, 2.0], [np.inf, 0.9], [1.5, 0.8], [1.4, 0.7]):
        row = np.array(loss)
        untold.update(Metrics(row, np.full(2, 0.5), row, np.full(2, 0.5)), np.zeros(2))
    for loss in (1.5, 1.4):
        alone.update(Metrics(loss, 0.5, loss, 0.5), np.zeros(1))
    first, second = (watched.state_dict()["scale"] for watched in (untold, alone))
    assert first == [1.5, 2.0] and second == [1.5]


def test_an_epoch_without_validation_counts_and_leaves_the_validation_as_it_was():
    watched = observer()
    watched.update(Metrics(LN2, 0.5, LN2 / 2, 0.75), np.array([0.0]))
    before = named(watched)
    watched.update(Metrics(LN2 / 10, 0.9, np.nan, np.nan), np.array([0.1]), validated=False)
    after = named(watched)
    for name in ("log validation loss", "validation accuracy", "best validation accuracy"):
        assert after[name] == before[name]
    assert after["log train loss"] == pytest.approx(-1)
    assert watched.epoch == 2 and not watched.turning_point.turned


def test_raw_metrics_that_are_not_numbers_count_as_the_worst():
    watched = observer("metrics", classes=2)
    watched.update(Metrics(np.nan, np.nan, np.inf, 0.5), np.array([0.0]))
    highest = np.finfo(np.float32).max
    assert watched.features()[0].tolist() == [highest, 0.0, highest, 0.5]


def test_a_loss_that_is_not_a_number_counts_as_the_highest_and_is_never_the_best():
    watched = observer()
    watched.update(Metrics(LN2, 0.5, LN2, 0.5), np.array([0.0]))
    watched.update(Metrics(np.nan, 0.5, np.nan, np.nan), np.array([0.0]))
    seen = named(watched)
    assert seen["log train loss"] == seen["log validation loss"] == 1.0
    assert seen["log best validation loss"] == 0
    assert seen["validation accuracy"] == 0
    watched.update(Metrics(LN2, 0.5, LN2 / 2, 0.75), np.array([0.0]))
    assert named(watched)["log best validation loss"] == pytest.approx(-math.log10(2))
    assert named(watched)["best validation accuracy"] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", KINDS)
@few_examples
@given(epochs_of(wild), st.sampled_from([2, 10, np.array([2, 3, 1000])]))
def test_features_stay_within_their_bounds_whatever_the_metrics(kind, history, classes):
    watched = observer(kind, classes=classes)
    low, high = bounds(kind)
    for *metrics, level in history:
        watched.update(Metrics(*metrics), level)
        features = watched.features()
        assert features.shape == (3, len(FEATURES[kind]))
        assert np.isfinite(features).all()
        assert (features >= low).all()
        assert (features <= high).all()


@given(epochs_of(wild))
def test_features_stay_within_their_bounds_without_the_classes(history):
    watched = observer(classes=None)
    low, high = bounds("extended")
    for *metrics, level in history:
        watched.update(Metrics(*metrics), level)
        assert ((watched.features() >= low) & (watched.features() <= high)).all()


@pytest.mark.parametrize("kind", KINDS)
@few_examples
@given(epochs_of(sane), epochs_of(wild), st.booleans())
def test_a_replica_is_seen_as_if_alone(kind, history, other, told):
    """Replica 1 has metrics of its own, the worst ones included; 0 and 2 don't notice."""
    classes = 3 if told or kind in TOLD else None
    together, alone = observer(kind, classes=classes), observer(kind, classes=classes)
    for epoch, (*metrics, level) in enumerate(history):
        together_metrics = [row.copy() for row in metrics]
        if epoch < len(other):
            for row, spoilt in zip(together_metrics, other[epoch][:4], strict=True):
                row[1] = spoilt[1]
        together.update(Metrics(*together_metrics), level)
        alone.update(Metrics(*(row[2] for row in metrics)), level[2:])
        np.testing.assert_array_equal(together.features()[2], alone.features()[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", [True, False])
@few_examples
@given(epochs_of(wild), st.data())
def test_it_resumes_bit_for_bit(kind, known, history, data):
    classes = 3 if known or kind in TOLD else None
    stop = data.draw(st.integers(0, len(history)))
    straight, second = observer(kind, classes=classes), observer(kind, classes=classes)
    for number, (*metrics, level) in enumerate(history):
        if number == stop:
            second.load_state_dict(straight.state_dict())
        straight.update(Metrics(*metrics), level)
        if number >= stop:
            second.update(Metrics(*metrics), level)
            np.testing.assert_array_equal(second.features(), straight.features())


def test_its_state_is_a_copy():
    watched = observer()
    state = watched.state_dict()
    before = json.dumps(state, default=lambda array: array.tolist())
    watched.update(Metrics(0.1, 0.9, 0.2, 0.8), np.array([0.1]))
    assert json.dumps(state, default=lambda array: array.tolist()) == before


def test_every_kind_of_observation_has_its_features():
    assert get_args(ObservationKind) == KINDS


def test_bounds_are_as_long_as_the_features():
    for kind in KINDS:
        low, high = bounds(kind)
        assert low.shape == high.shape == (len(FEATURES[kind]),)
        assert low.dtype == high.dtype == np.float32
        assert (low < high).all()


def test_bad_settings_are_input_errors():
    with pytest.raises(
        InputError,
        match="unknown observation 'pixels': use one of metrics, extended, turning-point, training",
    ):
        observer("pixels")
    for kind in TOLD:
        with pytest.raises(InputError, match="must be told the number of classes"):
            observer(kind, classes=None)
    for classes in (1, 0, -3, np.array([2, 1])):
        with pytest.raises(InputError, match="two classes or more"):
            observer(classes=classes)
