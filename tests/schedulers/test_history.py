import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.metrics import Metrics
from rlflood.schedulers.observation import FEATURES, Observer

LN2 = math.log(2)
OWN = FEATURES["history"][len(FEATURES["extended"]) :]


def named(observer, replica=0):
    return dict(zip(FEATURES["history"], observer.features()[replica].tolist(), strict=True))


def watched(*, epochs=10, decisions=5, classes=2):
    return Observer("history", epochs=epochs, decisions=decisions, classes=classes)


def test_it_begins_with_the_extended_features():
    both = Observer("extended", epochs=4, decisions=2, classes=3), watched(epochs=4, decisions=2, classes=3)
    for epoch in range(4):
        for observer in both:
            observer.update(Metrics(1 / (epoch + 1), 0.5, 0.9, 0.4 + epoch / 10), np.array([0.2]))
    extended, history = (observer.features() for observer in both)
    np.testing.assert_array_equal(history[:, : extended.shape[1]], extended)


def test_before_the_first_epoch_nothing_is_remembered():
    features = named(watched(classes=10))
    assert features.pop("log loss of guessing") == pytest.approx(math.log10(math.log(10)))
    assert not any(features.values())


def test_three_epochs_by_hand():
    """Two classes, ten epochs, five decisions: averages decay by exp(-5/10) an epoch."""
    kept = math.exp(-0.5)
    observer = watched()
    observer.update(Metrics(LN2, 0.5, LN2, 0.6), np.array([0.0]))
    observer.update(Metrics(LN2 / 10, 0.9, LN2 / 2, 0.9), np.array([LN2 / 4]))
    second = kept * 0.2 + (1 - kept) * 0.8
    observer.update(Metrics(LN2 / 5, 0.95, LN2 / 2, 0.5), np.array([LN2 / 2]))
    third = kept * second + (1 - kept) * 0.0
    expected = {
        "log loss of guessing": math.log10(LN2),
        "smoothed validation accuracy": third,
        "smoothed validation accuracy below its peak": second - third,
        "share of the budget since the peak": 0.1,
        "log train loss at the peak": -1.0,
        "train accuracy at the peak": 0.8,
        "log lowest train loss": -1.0,
        "smoothed validation accuracy at the lowest train loss": second,
        # steps of .6 and .8 on the scale from chance to perfect, after a first epoch without a step
        "unrest of the validation accuracy": kept * (1 - kept) * 0.6 + (1 - kept) * 0.8,
        # 0 / LN2, then 1/4 and 1/2 of LN2 over LN2/2
        "mean level over best validation loss": (0 + 0.5 + 1.0) / 3,
    }
    features = named(observer)
    assert {name: features[name] for name in OWN} == pytest.approx(expected, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0.01, 3), st.floats(0, 1), st.floats(0.01, 3), st.floats(0, 1)), min_size=1)
)
def test_the_peak_is_never_below_the_present_and_times_are_shares(course):
    observer = watched(epochs=len(course), decisions=min(5, len(course)))
    for metrics in course:
        observer.update(Metrics(*metrics), np.array([0.1]))
        features = named(observer)
        assert features["smoothed validation accuracy below its peak"] >= 0
        assert 0 <= features["share of the budget since the peak"] < 1
        assert features["log lowest train loss"] <= features["log train loss"] + 1e-6


def test_replicas_remember_apart_and_one_that_diverges_harms_nobody():
    together, alone = watched(classes=np.array([2, 2])), watched()
    for loss in (0.6, 0.5, 0.3):
        alone.update(Metrics(loss, 0.7, loss, 0.8 - loss / 10), np.array([0.1]))
        together.update(
            Metrics(*(np.array([value, np.nan]) for value in (loss, 0.7, loss, 0.8 - loss / 10))),
            np.array([0.1, 0.1]),
        )
    np.testing.assert_array_equal(together.features()[0], alone.features()[0])
    assert np.isfinite(together.features()).all()


def test_it_resumes_bit_for_bit():
    rng = np.random.default_rng(0)
    first, second = watched(), watched()
    for _ in range(5):
        first.update(Metrics(*rng.random(4)), rng.random(1))
    second.load_state_dict(first.state_dict())
    for _ in range(4):
        metrics, level = Metrics(*rng.random(4)), rng.random(1)
        for observer in (first, second):
            observer.update(metrics, level)
        np.testing.assert_array_equal(first.features(), second.features())
