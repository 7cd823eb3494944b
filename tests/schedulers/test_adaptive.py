"""The rule of the second attempt, against a literal transcription of its pseudo code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.metrics import Metrics
from rlflood.schedulers import AdaptiveFlood


def pseudo_code(
    train_accs: list[float], val_accs: list[float], alpha: float, lam: float, high: float
) -> list[float]:
    """The level after each epoch: line by line as it was published, for one network."""
    levels = []
    zero_training_error = False
    x_accepted = 0.0
    b = 0.0
    for train_acc, x in zip(train_accs, val_accs, strict=True):
        if train_acc >= 1:
            zero_training_error = True
        if zero_training_error:
            if x >= x_accepted + lam:
                x_accepted = x
                b = min(max(b + alpha, 0.0), high)
            else:
                if x < x_accepted - lam:
                    x_accepted = x
                    b = min(max(b - alpha, 0.0), high)
        levels.append(b)
    return levels


def run(scheduler: AdaptiveFlood, train_accs: list[float], val_accs: list[float]) -> list[float]:
    return [
        float(scheduler.step(train_loss=0.1, train_acc=train, val_loss=0.5, val_acc=val))
        for train, val in zip(train_accs, val_accs, strict=True)
    ]


# Accuracies on 100 or 1,000 validation points: steps just at, above and below the tolerance all occur.
accuracies = st.one_of(
    st.integers(0, 100).map(lambda n: n / 100), st.integers(780, 830).map(lambda n: n / 1000), st.floats(0, 1)
)
epochs = st.lists(st.tuples(st.sampled_from([0.5, 0.99, 1.0]), accuracies), min_size=1, max_size=60)


@given(
    epochs, st.sampled_from([0.015, 0.1]), st.sampled_from([0.0, 0.004, 0.05]), st.sampled_from([0.05, 0.5])
)
def test_it_is_the_pseudo_code(
    history: list[tuple[float, float]], alpha: float, tolerance: float, maximum: float
) -> None:
    train_accs, val_accs = (list(column) for column in zip(*history, strict=True))
    levels = run(AdaptiveFlood(alpha, tolerance, maximum), train_accs, val_accs)
    assert levels == pseudo_code(train_accs, val_accs, alpha, tolerance, maximum)


def test_by_hand_with_the_published_settings() -> None:
    train = [0.9, 1.0, 0.98, 0.98, 0.98, 0.98, 0.98]
    val = [0.80, 0.75, 0.76, 0.762, 0.757, 0.755, 0.70]
    #      wait  up    up    same   same   down   down
    expected = [0, 0.015, 0.030, 0.030, 0.030, 0.015, 0.0]
    assert run(AdaptiveFlood(), train, val) == pytest.approx(expected)


def test_the_epoch_that_fits_the_training_set_is_the_first_to_count() -> None:
    assert run(AdaptiveFlood(), [0.999, 1.0], [0.9, 0.9]) == [0, 0.015]


def test_the_level_stays_between_0_and_the_maximum() -> None:
    up = run(AdaptiveFlood(alpha=0.2, maximum=0.5), [1.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert up == pytest.approx([0.2, 0.4, 0.5, 0.5, 0.5])
    down = run(AdaptiveFlood(alpha=0.2), [1.0] * 4, [0.9, 0.8, 0.7, 0.6])
    assert down == pytest.approx([0.2, 0, 0, 0])


def test_replicas_start_each_at_its_own_time() -> None:
    scheduler = AdaptiveFlood()
    loss = np.ones(2)
    scheduler.step(Metrics(loss, np.array([1.0, 0.5]), loss, np.array([0.8, 0.8])))
    np.testing.assert_array_equal(scheduler.level, [0.015, 0])
    scheduler.step(Metrics(loss, np.array([0.5, 1.0]), loss, np.array([0.8, 0.8])))
    np.testing.assert_array_equal(scheduler.level, [0.015, 0.015])


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 0.0},
        {"alpha": -0.1},
        {"alpha": float("nan")},
        {"tolerance": -0.1},
        {"tolerance": float("inf")},
        {"maximum": -0.1},
        {"maximum": float("nan")},
    ],
)
def test_it_refuses_settings_without_a_meaning(settings: dict[str, float]) -> None:
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name} must"):
        AdaptiveFlood(**settings)
