from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control.levels import LEVEL_SETS, LevelSet, LevelUnit, level_set
from rlflood.errors import InputError

FIRST = np.array([np.inf])
GUESSING = np.log([2.0])


def test_the_seeds_sets():
    assert LEVEL_SETS["two-gaussians"].values == tuple(i / 100 for i in range(51))
    assert LEVEL_SETS["cifar10"].values == tuple(i / 100 for i in range(11))
    assert LEVEL_SETS["two-gaussians"].unit == LEVEL_SETS["cifar10"].unit == "absolute"
    assert LEVEL_SETS["relative"].unit == "relative"
    assert len(LEVEL_SETS["cifar10"]) == 11


def test_absolute_levels_are_the_values_whatever_the_loss():
    levels = LevelSet((0.0, 0.1, 0.5))
    actions = np.array([2, 0, 1])
    for best in (FIRST, np.array([0.2, 9.0, np.inf])):
        np.testing.assert_array_equal(levels.levels(actions, best, FIRST, GUESSING), [0.5, 0.0, 0.1])


def test_relative_levels_are_fractions_of_the_best_validation_loss():
    levels = LevelSet((0.0, 0.5, 0.75), "relative")
    np.testing.assert_array_equal(
        levels.levels(np.array([1, 2, 0]), np.array([0.5, 1.0, 3.0]), FIRST, GUESSING), [0.25, 0.75, 0]
    )
    np.testing.assert_array_equal(levels.levels(np.array([1, 2]), FIRST, FIRST, GUESSING), [0, 0])
    np.testing.assert_array_equal(
        levels.levels(np.array([1, 1]), np.array([np.inf, 2.0]), FIRST, GUESSING), [0, 1]
    )


def test_turning_point_levels_are_multiples_of_the_train_loss_at_the_best_validation_loss():
    levels = LevelSet((0.0, 0.5, 1.2), "turning-point")
    best, train = np.array([0.9, 0.9, 0.9]), np.array([0.5, 0.5, 0.5])
    np.testing.assert_allclose(levels.levels(np.array([0, 1, 2]), best, train, GUESSING), [0, 0.25, 0.6])
    np.testing.assert_array_equal(levels.levels(np.array([1, 2]), FIRST, FIRST, GUESSING), [0, 0])
    # a run of which no train loss was finite yet has nothing to be held at
    np.testing.assert_array_equal(levels.levels(np.array([1]), best[:1], np.array([np.nan]), GUESSING), [0])


def test_levels_by_guessing_are_multiples_of_its_loss_from_the_first_epoch_on():
    levels = LevelSet((0.0, 0.5, 1.2), "guessing")
    found = levels.levels(np.array([1, 2, 0]), FIRST, FIRST, np.log([2.0, 10.0, 3.0]))
    np.testing.assert_allclose(found, [0.346574, 2.763102, 0.0], atol=1e-6)
    # one choice for all, before there are any metrics
    np.testing.assert_allclose(
        levels.levels(np.array([1]), FIRST, FIRST, np.log([2.0, 4.0])), [0.346574, 0.693147], atol=1e-6
    )


def test_of_a_criterion_below_zero_the_relative_level_is_zero():
    """A level cannot be negative; ``TrackingFlood`` takes such a loss for 0 too."""
    levels = LevelSet((0.0, 0.5), "relative")
    np.testing.assert_array_equal(
        levels.levels(np.array([1, 1]), np.array([-3.0, -np.inf]), FIRST, GUESSING), [0, 0]
    )


@given(st.lists(st.floats(0, 1e300), min_size=2, max_size=8, unique=True).map(sorted), st.data())
def test_levels_are_always_finite_and_not_negative(values, data):
    for unit in get_args(LevelUnit):
        chosen = LevelSet(tuple(values), unit)
        actions = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), min_size=3, max_size=3)))
        best = np.array(data.draw(st.lists(st.floats(-1e3, 1e3) | st.just(np.inf), min_size=3, max_size=3)))
        levels = chosen.levels(actions, best, best, np.log([2.0, 3.0, 10.0]))
        assert np.isfinite(levels).all()
        assert (levels >= 0).all()


def test_names_values_and_sets_all_give_a_set():
    assert level_set("cifar10") is LEVEL_SETS["cifar10"]
    assert level_set([0, 1, 2.5], "relative") == LevelSet((0.0, 1.0, 2.5), "relative")
    assert level_set(np.array([0.0, 0.1])) == LevelSet((0.0, 0.1))
    own = LevelSet((0.0, 0.3))
    assert level_set(own) is own
    assert level_set("relative", "relative") is LEVEL_SETS["relative"]


def test_a_set_that_has_another_unit_is_refused():
    with pytest.raises(InputError, match="'relative' has the unit 'relative', not 'absolute'"):
        level_set("relative", "absolute")
    with pytest.raises(InputError, match="that is given has the unit 'absolute', not 'relative'"):
        level_set(LevelSet((0.0, 0.3)), "relative")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("nonsense", "unknown level set 'nonsense': use one of two-gaussians, cifar10, relative"),
        ((), "two levels or more"),
        ((0.1,), "two levels or more"),
        ((0.2, 0.1), "rising"),
        ((0.1, 0.1), "rising"),
        ((-0.1, 0.1), "not negative"),
        ((0.0, np.inf), "finite"),
        ((0.0, np.nan), "finite"),
        (("low", "high"), "numbers"),
        ((0.1, None), "numbers"),
        (0.1, "numbers"),
        (None, "numbers"),
        ([[0.1, 0.2], [0.3, 0.4]], "numbers"),
    ],
)
def test_what_is_no_level_set_is_an_input_error(values, message):
    with pytest.raises(InputError, match=message):
        level_set(values)


def test_an_unknown_unit_is_an_input_error():
    with pytest.raises(
        InputError, match="unknown level unit 'percent': use one of absolute, relative, turning-point"
    ):
        level_set([0, 1], "percent")
