import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control.features import FEATURES
from rlflood.control.observation import Observer
from rlflood.metrics import Metrics

LN2 = math.log(2)


def named(observer, replica=0):
    return dict(zip(FEATURES["turning-point"], observer.features()[replica].tolist(), strict=True))


def watched(*, epochs=10, decisions=5, classes=2):
    return Observer("turning-point", epochs=epochs, decisions=decisions, classes=classes)


def see(observer, *val_losses):
    for loss in val_losses:
        observer.update(Metrics(0.5, 0.8, loss, 0.7), np.array([0.0]))


def turn(observer):
    features = named(observer)
    return features["has turned"], pytest.approx(features["log budget left over the turn"], abs=1e-6)


def test_the_turn_is_where_the_loss_was_best_when_it_first_rose_by_a_tenth():
    observer = watched()
    assert turn(observer) == (0, 1)
    see(observer, 0.6, 0.5, 0.54)  # the best so far is the second epoch; 0.54 is less than a tenth above
    assert turn(observer) == (0, math.log10(7 / 2))
    see(observer, 0.56)
    assert turn(observer) == (1, math.log10(6 / 2))
    see(observer, 0.3, 0.3)  # better than ever, but the first turn stays
    assert turn(observer) == (1, math.log10(4 / 2))


def test_two_epochs_by_hand():
    """Two classes, ten epochs, five decisions: averages decay by exp(-5/10) an epoch."""
    kept = math.exp(-0.5)
    observer = watched()
    observer.update(Metrics(LN2 / 2, 0.9, LN2 / 2, 0.8), np.array([0.0]))
    observer.update(Metrics(LN2 / 10, 1.0, LN2, 0.7), np.array([LN2 / 4]))
    log2 = math.log10(2)
    assert named(observer) == pytest.approx(
        {
            "has turned": 1,
            "log budget left over the turn": math.log10(8),
            "log train loss over that at the best validation loss": 0.0,
            "log validation loss over its best": log2,
            "log best validation loss": -log2,
            # the second epoch began with the network that was best
            "log train loss at the best validation loss": -1.0,
            "level over the train loss at the best validation loss": 2.0,
            "train accuracy": 1.0,
            "validation accuracy": 0.4,
            "best validation accuracy": 0.6,
            "change of log train loss": kept * (log2 - 1),
            "change of log validation loss": kept * log2,
            "change of validation accuracy": kept * (0.4 - 0.6),
        },
        abs=1e-6,
    )


def test_before_the_first_epoch_all_of_the_budget_is_left_and_nothing_else_is_known():
    features = named(watched())
    assert features.pop("log budget left over the turn") == pytest.approx(1)
    assert not any(features.values())


def test_a_loss_that_is_not_finite_has_turned():
    observer = watched()
    see(observer, 0.6, math.nan)
    assert turn(observer) == (1, math.log10(8))


def test_at_the_end_nothing_is_left():
    observer = watched(epochs=2, decisions=1)
    see(observer, 0.6, 0.5)
    assert turn(observer) == (0, math.log10(0.1 / 2))


@given(st.lists(st.floats(0.01, 3), min_size=1, max_size=29))
def test_it_matches_a_search_of_the_whole_course(losses):
    observer = watched(epochs=30)
    see(observer, *losses)
    best = [int(np.argmin(losses[: end + 1])) for end in range(len(losses))]
    turns = [end for end in range(len(losses)) if losses[end] > losses[best[end]] + 0.1 * losses[best[end]]]
    expected = best[turns[0]] if turns else best[-1]
    assert turn(observer) == (bool(turns), math.log10((30 - len(losses)) / (expected + 1)))


def test_replicas_remember_apart():
    observer = watched(classes=np.array([2, 2]))
    for losses in ([0.5, 0.6], [0.6, 0.5], [0.6, 0.5]):
        loss = np.array(losses)
        observer.update(Metrics(loss, loss * 0, loss, loss * 0), np.zeros(2))
    assert [named(observer, replica)["has turned"] for replica in (0, 1)] == [1, 0]
    left = [named(observer, replica)["log budget left over the turn"] for replica in (0, 1)]
    assert left == pytest.approx([math.log10(7), math.log10(7 / 2)])


def test_it_goes_on_from_its_state_bit_for_bit():
    whole, first, second = watched(), watched(), watched()
    course = [0.9, 0.5, 0.8, 0.4, 0.6]
    see(whole, *course)
    see(first, *course[:3])
    second.load_state_dict(first.state_dict())
    see(second, *course[3:])
    np.testing.assert_array_equal(whole.features(), second.features())
