"""Means, intervals and paired tests against figures worked out by other means."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments import mean_interval, paired

# sleep gained under two drugs by ten patients (Student 1908): the example of every textbook on paired tests
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=6)


def test_an_interval_worked_by_hand():
    # mean 3, deviation sqrt(2.5), t(.975, 4 degrees) = 2.776445 from a printed table
    interval = mean_interval([1, 2, 3, 4, 5])
    assert interval.mean == 3
    assert interval.half == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert (interval.low, interval.high) == pytest.approx((3 - interval.half, 3 + interval.half))


def test_the_published_interval_of_students_sleep_data():
    # t.test(extra ~ group, paired = TRUE) in R: 1.58, interval 0.7001142 to 2.4598858
    difference = paired(SECOND, FIRST).difference
    assert difference.mean == pytest.approx(1.58)
    assert (difference.low, difference.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    assert difference.excludes_zero


def test_wilcoxon_against_all_signs_enumerated():
    differences = np.array([0.3, -0.1, 0.7, 0.4, 0.9, -0.2, 0.6])
    ranks = np.abs(differences).argsort().argsort() + 1
    observed = ranks[differences > 0].sum()
    sums = np.array([np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=len(ranks))])
    expected = min(1.0, 2 * min((sums >= observed).mean(), (sums <= observed).mean()))
    assert paired(differences + 5, np.full(7, 5.0)).p_value == pytest.approx(expected)


def test_equal_values_differ_by_nothing():
    same = paired(FIRST, FIRST)
    assert same.difference.mean == same.difference.half == 0
    assert same.p_value == 1
    assert not same.difference.excludes_zero


def test_one_repeat_has_a_mean_and_no_interval():
    interval = mean_interval([0.5])
    assert interval.mean == 0.5
    assert math.isnan(interval.low) and math.isnan(interval.high)
    assert not interval.excludes_zero


@given(accuracies, st.floats(-5, 5))
def test_pairing_takes_out_what_the_seeds_share(values, shift):
    difference = paired(np.array(values) + shift, values).difference
    assert difference.mean == pytest.approx(shift, abs=1e-9)
    assert difference.half == pytest.approx(0, abs=1e-9)


@given(accuracies)
def test_the_interval_lies_around_the_mean_and_widens_with_confidence(values):
    narrow, wide = mean_interval(values, 0.8), mean_interval(values, 0.99)
    assert narrow.low <= np.mean(values) + 1e-12 and narrow.high >= np.mean(values) - 1e-12
    assert wide.half >= narrow.half


@pytest.mark.parametrize("values", [[], [0.1, float("nan")], [[0.1, 0.2]]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        mean_interval(values)


def test_pairs_need_equal_numbers():
    with pytest.raises(ValueError, match="equal numbers"):
        paired([1, 2], [1, 2, 3])
