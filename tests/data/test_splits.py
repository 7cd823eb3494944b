from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.data.splits import allocate, represent_all, standardise, stratified


@st.composite
def counts_and_sizes(draw):
    counts = np.array(draw(st.lists(st.integers(1, 60), min_size=2, max_size=12)))
    left = int(counts.sum())
    sizes = []
    for _ in range(draw(st.integers(1, 3))):
        sizes.append(draw(st.integers(0, left)))
        left -= sizes[-1]
    return counts, sizes


@given(counts_and_sizes())
def test_allocation_is_exact_and_within_one_of_every_share(case):
    counts, sizes = case
    table = allocate(counts, sizes)
    samples = int(counts.sum())
    assert table.min() >= 0
    assert table.sum(axis=1).tolist() == counts.tolist()
    assert table.sum(axis=0).tolist() == [*sizes, samples - sum(sizes)]
    for row, count in zip(table.tolist(), counts.tolist(), strict=True):
        for entry, size in zip(row, [*sizes, samples - sum(sizes)], strict=True):
            assert abs(entry - Fraction(count * size, samples)) <= 1


def test_allocation_by_hand():
    # shares of 10 from 60 + 30 + 10 are 6, 3 and 1; of 5 they are 3, 1.5 and 0.5
    assert allocate(np.array([60, 30, 10]), (10,)).tolist() == [[6, 54], [3, 27], [1, 9]]
    table = allocate(np.array([60, 30, 10]), (5,))
    assert table[0, 0] == 3
    assert table[1:, 0].tolist() in ([1, 1], [2, 0])


def test_splits_that_do_not_fit_are_a_programming_error():
    with pytest.raises(ValueError, match="do not fit into 5"):
        allocate(np.array([2, 3]), (4, 2))


@given(counts_and_sizes())
def test_every_class_can_be_brought_into_the_first_split(case):
    counts, sizes = case
    sizes[0] = max(sizes[0], len(counts))
    if sum(sizes) > counts.sum():
        sizes = sizes[:1]
    before = allocate(counts, sizes)
    after = represent_all(before)
    assert (after[:, 0] >= 1).all()
    assert after.min() >= 0
    assert after.sum(axis=0).tolist() == before.sum(axis=0).tolist()
    assert after.sum(axis=1).tolist() == counts.tolist()
    if (before[:, 0] >= 1).all():
        np.testing.assert_array_equal(after, before)


def test_a_split_smaller_than_the_classes_cannot_hold_them_all():
    with pytest.raises(ValueError, match="too few"):
        represent_all(allocate(np.array([5, 5, 5]), (2,)))


@given(counts_and_sizes(), st.integers(0, 1000))
def test_stratified_rows_are_disjoint_complete_and_as_allocated(case, seed):
    counts, sizes = case
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = stratified(labels, sizes, np.random.default_rng(seed))
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    table = np.stack([np.bincount(labels[part], minlength=len(counts)) for part in parts], axis=1)
    np.testing.assert_array_equal(table, allocate(counts, sizes))


def test_stratified_is_random_by_seed_and_does_not_sort_by_class():
    labels = np.repeat([0, 1], 50)
    first, _ = stratified(labels, (40,), np.random.default_rng(1))
    again, _ = stratified(labels, (40,), np.random.default_rng(1))
    other, _ = stratified(labels, (40,), np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    assert np.count_nonzero(np.diff(labels[first])) > 5


def test_standardisation_uses_the_training_statistics_only():
    train = np.array([[0.0, 0.1, 5.0], [2.0, 0.1, 7.0]])
    other = np.array([[4.0, 3.1, 6.0]])
    scaled_train, scaled_other = standardise(train, other)
    # means 1, 0.1, 6; deviations 1, constant, 1
    np.testing.assert_allclose(scaled_train, [[-1, 0, -1], [1, 0, 1]], atol=1e-7)
    np.testing.assert_allclose(scaled_other, [[3, 3, 0]], rtol=1e-6)
    assert scaled_other.dtype == np.float32


def test_a_constant_that_rounds_is_not_blown_up():
    train = np.full((7, 1), 0.1)
    (scaled,) = standardise(train)
    assert np.abs(scaled).max() < 1e-12
