import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.data.labels import add_label_noise, class_names, doubts, encode_labels
from rlflood.errors import InputError


@given(
    n=st.integers(0, 400),
    share=st.floats(0, 1, exclude_max=True),
    classes=st.integers(2, 10),
    seed=st.integers(0, 2**32),
)
def test_exactly_the_share_moves_to_other_valid_classes(n, share, classes, seed):
    labels = np.random.default_rng(seed).integers(classes, size=n)
    before = labels.copy()
    noisy = add_label_noise(labels, share, classes, np.random.default_rng(seed))
    assert (noisy != labels).sum() == round(share * n)
    assert noisy.dtype == np.int64
    assert ((noisy >= 0) & (noisy < classes)).all()
    np.testing.assert_array_equal(labels, before)


def test_two_classes_are_flipped():
    labels = np.array([0, 1] * 50)
    noisy = add_label_noise(labels, 0.3, 2, np.random.default_rng(0))
    moved = noisy != labels
    np.testing.assert_array_equal(noisy[moved], 1 - labels[moved])


def test_the_new_class_is_uniform_over_the_others():
    labels = np.full(40_000, 2)
    noisy = add_label_noise(labels, 0.75, 4, np.random.default_rng(0))
    counts = np.bincount(noisy, minlength=4)
    assert counts[2] == 10_000
    # 30,000 draws over three classes: 10,000 each, standard deviation 82
    assert np.abs(counts[[0, 1, 3]] - 10_000).max() < 5 * 82


def test_every_sample_is_as_likely_to_be_chosen():
    labels = np.zeros(20, dtype=np.int64)
    chosen = sum(add_label_noise(labels, 0.25, 2, np.random.default_rng(seed)) for seed in range(2000))
    # each of 20 samples is chosen by 500 of 2000 seeds, standard deviation 19
    assert np.abs(chosen - 500).max() < 5 * 19.4


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_outside_the_range_is_the_persons_mistake(share):
    with pytest.raises(InputError, match="at least 0 and below 1"):
        add_label_noise(np.zeros(5, dtype=np.int64), share, 2, np.random.default_rng(0))


def test_one_class_is_a_programming_error():
    with pytest.raises(ValueError, match="at least two classes") as caught:
        add_label_noise(np.zeros(5, dtype=np.int64), 0.2, 1, np.random.default_rng(0))
    assert not isinstance(caught.value, InputError)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a", "b", "a", "b", "a"], [1, 0, 1, 0, 1, 0]),
        ([10, 9, 10, 9, 10, 9], [1, 0, 1, 0, 1, 0]),
        ([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0], [0, 1, 0, 1, 0, 1]),
        ([True, False, True, False, True, False], [1, 0, 1, 0, 1, 0]),
        ([b"x", b"x", b"x", b"y", b"y", b"y"], [0, 0, 0, 1, 1, 1]),
    ],
)
def test_labels_are_numbered_in_sorted_order(labels, expected):
    encoded = encode_labels(np.array(labels), "y")
    assert encoded.dtype == np.int64
    assert encoded.tolist() == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, 0.5, 1.0], r"row 2 is 0\.5"),
        ([0.0, 1.0, float("nan")], "row 3 is nan"),
        ([1, 1, 1, 1], "all 1: at least two classes"),
        ([0, 0, 0, 1, 1], r"fewer than 3 samples: 1 \(2\)"),
        (["a", "b", "c"], r"'a' \(1\), 'b' \(1\), 'c' \(1\)"),
        (list("abcdefg"), "and 2 more"),
        ([1j, 2j], "of type complex128"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        encode_labels(np.array(labels), "y in data.npz")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["b", "a"], ("a", "b")),
        ([10.0, 9.0], ("9", "10")),
        ([-1, 1], ("-1", "1")),
        ([True, False], ("False", "True")),
        ([b"x", b"y"], ("x", "y")),
    ],
)
def test_classes_are_called_as_they_are_written(labels, names):
    assert class_names(np.array(labels)) == names


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 30, "b": 30, "NA": 60}, r"'NA' \(60\) among the labels \(y\) is taken as a class"),
        ({"yes": 30, "?": 10, "null": 10}, r"'\?' \(10\), 'null' \(10\) among"),
        ({"yes": 20, "Yes": 20, "YES": 20, "no": 20}, r"'YES' \(20\) and 'Yes' \(20\) and 'yes' \(20\)"),
        ({"New York": 20, "NewYork": 20, "x": 20}, "only in case, spaces"),
        ({"1.0": 20, "1": 20, "x": 20}, "the way to write a number"),
        ({"a": 30, "b": 9}, r"fewer than 10 samples \(y\): 'b' \(9\)"),
        (dict.fromkeys("abcdefg", 9), "and 2 more"),
        (dict.fromkeys(range(40), 12), "are 40 different whole numbers, 0 to 39"),
    ],
)
def test_classes_that_may_not_be_meant(counts, message):
    found = doubts(np.repeat(list(counts), list(counts.values())), "y")
    assert len(found) == 1 and re.search(message, found[0])


def test_classes_that_are_as_they_should_be():
    for labels in (["a", "b", "ab"], list(range(20)), [0.0, 1.0], ["nano", "none of these"]):
        assert doubts(np.repeat(labels, 10), "y") == []
