import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control.course import Course, calibrated_loss
from rlflood.control.features import FEATURES, ObservationKind
from rlflood.control.observation import Observer
from rlflood.metrics import Metrics

LN2 = math.log(2)


def test_the_loss_of_a_calibrated_predictor_by_hand():
    accuracy, classes = np.array([0.8, 0.7, 0.5, 0.1]), np.array([2, 4, 2, 10])
    expected = [
        -0.8 * math.log(0.8) - 0.2 * math.log(0.2),
        -0.7 * math.log(0.7) - 0.3 * math.log(0.1),
        LN2,
        math.log(10),
    ]
    np.testing.assert_allclose(calibrated_loss(accuracy, classes), expected)


@given(st.floats(0, 1), st.integers(2, 1000))
def test_it_is_the_cross_entropy_of_its_own_predictions(accuracy, classes):
    """Labels are as the predictor says: right with a, else each other class alike."""
    a = min(max(accuracy, 1 / classes), 0.999)
    predicted = np.array([a, *[(1 - a) / (classes - 1)] * (classes - 1)])
    found = calibrated_loss(np.array(accuracy), np.array(classes))
    np.testing.assert_allclose(found, -(predicted * np.log(predicted)).sum(), rtol=1e-9)
    assert 0 < found <= math.log(classes) * (1 + 1e-12)


def observer(classes=2):
    return Observer("training", epochs=10, decisions=5, classes=classes)


def named(observed):
    return dict(zip(FEATURES["training"], observed.features()[0].tolist(), strict=True))


def test_the_features_of_two_epochs_by_hand():
    """Averages over a decision keep exp(-5/10) an epoch, those over four exp(-5/40)."""
    watched = observer()
    before = named(watched)
    assert before.pop("log number of classes") == pytest.approx(math.log10(2) / 2)
    assert not any(before.values()), "it guesses"

    watched.update(Metrics(LN2 / 2, 0.8, np.nan, np.nan), np.array([0.0]), validated=False)
    calibrated = -0.8 * math.log(0.8) - 0.2 * math.log(0.2)
    first = named(watched)
    expected = {
        "share of the budget spent": 0.1,
        "log number of classes": math.log10(2) / 2,
        "log train loss": -math.log10(2),
        "train accuracy": 0.6,
        "level": 0.0,
        "log train loss over that of a calibrated predictor": math.log10(LN2 / 2 / calibrated),
        "change of log train loss": 0.0,
        "change of train accuracy": 0.0,
        "slow change of log train loss": 0.0,
        "slow change of train accuracy": 0.0,
        "largest fall of log train loss": math.log10(2),
        "fall of log train loss over the largest": 1.0,
        "lowest log train loss over that of a calibrated predictor": math.log10(LN2 / 2 / calibrated),
    }
    assert first == pytest.approx(expected, abs=1e-6) and list(first) == list(expected)

    watched.update(Metrics(0.8 * LN2 / 2, 0.9, np.nan, np.nan), np.array([LN2 / 4]), validated=False)
    calibrated = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    second, fast, slow = named(watched), math.exp(-0.5), math.exp(-0.125)
    now = math.log10(0.8 * LN2 / 2 / calibrated)
    expected |= {
        "share of the budget spent": 0.2,
        "log train loss": math.log10(0.4),
        "train accuracy": 0.8,
        "level": 0.25,
        "log train loss over that of a calibrated predictor": now,
        # an average that was the first value has moved by 1 - kept of the change since
        "change of log train loss": fast * math.log10(0.8),
        "change of train accuracy": fast * 0.2,
        "slow change of log train loss": slow * math.log10(0.8),
        "slow change of train accuracy": slow * 0.2,
        "fall of log train loss over the largest": -math.log10(0.8) / math.log10(2),
    }
    assert now > first["log train loss over that of a calibrated predictor"], "the lowest stays"
    assert second == pytest.approx(expected, abs=1e-6)


def test_a_plateau_of_wrong_labels_and_a_hard_problem_are_told_apart():
    """One at its plateau with a fifth of the labels wrong; one that is sure of most and guesses the rest."""
    noisy, hard = observer(10), observer(10)
    loss = -0.8 * math.log(0.8) - 0.2 * math.log(0.2 / 9)
    noisy.update(Metrics(loss, 0.8, 1.0, 0.1), np.zeros(1))
    hard.update(Metrics(0.2 * math.log(10), 0.82, 1.0, 0.1), np.zeros(1))
    name = "log train loss over that of a calibrated predictor"
    assert named(noisy)[name] == pytest.approx(0, abs=1e-6)
    assert named(hard)[name] < -0.2


def test_the_complete_features_are_those_of_the_turn_of_the_training_and_the_validations_calibration():
    kinds: list[ObservationKind] = ["complete", "turning-point", "training"]
    watched = {kind: Observer(kind, epochs=10, decisions=5, classes=4) for kind in kinds}
    for val_loss, val_acc in [(1.0, 0.5), (0.9, 0.45), (1.1, 0.4)]:
        for observed in watched.values():
            observed.update(Metrics(0.8, 0.6, val_loss, val_acc), np.array([0.1]))
    found, turn, training = (
        dict(zip(FEATURES[kind], observed.features()[0].tolist(), strict=True))
        for kind, observed in watched.items()
    )
    calibrated = -0.5 * math.log(0.5) - 0.5 * math.log(0.5 / 3)
    name = "log best validation loss over that of a calibrated predictor"
    assert found.pop(name) == pytest.approx(math.log10(0.9 / calibrated), abs=1e-6), "of both bests"
    assert found == {**training, **turn}


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), max_size=6), st.lists(st.floats(), min_size=12))
def test_the_validation_changes_nothing(history, others):
    without, with_others = observer(), observer()
    for number, (loss, accuracy) in enumerate(history):
        without.update(Metrics(loss, accuracy, np.nan, np.nan), np.array([0.1]), validated=False)
        val_loss, val_acc = others[2 * number : 2 * number + 2]
        with_others.update(Metrics(loss, accuracy, val_loss, val_acc), np.array([0.1]))
    assert repr(without.state_dict()) == repr(with_others.state_dict())
    np.testing.assert_array_equal(without.features(), with_others.features())


def test_a_run_that_has_not_fallen_has_no_relative_fall():
    course = Course()
    course.update(np.ones(1), np.zeros(1), np.ones(1), fall=-np.ones(1), decay=0.5, first=True)
    assert course.largest_fall == 0 and course.relative_fall == 0
