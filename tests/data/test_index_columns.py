import numpy as np
import pytest

from rlflood.data.index_columns import counts_the_rows, is_index_of_a_program, is_name_of_an_index


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (np.arange(12), True),
        (np.arange(1990.0, 2002), True),
        (np.arange(12)[::-1], True),
        (np.random.default_rng(0).permutation(40) + 1, True),  # a file that was mixed after it was numbered
        (np.random.default_rng(0).permutation(12), False),  # a short one may rank its rows
        (np.arange(12) * 2, False),
        (np.arange(12) + 0.5, False),
        (np.sort(np.random.default_rng(0).choice(1000, 40, replace=False)), False),
        (np.array([0, 1, 1, 2]), False),
        (np.array([0.0, np.inf, -np.inf, np.nan]), False),
        (np.array([1, 2]), False),
        (np.array([1e308, -1e308] * 15), False),  # their difference overflows
    ],
)
def test_counters(values, counts):
    assert counts_the_rows(values) is counts


@pytest.mark.parametrize(
    "name", ["id", "ID", "index", "row", "Row Number", "patient_id", "PassengerId", "No.", "#"]
)
def test_names_of_identifiers(name):
    assert is_name_of_an_index(name)


@pytest.mark.parametrize("name", ["width", "grid", "humid", "Paid", "notes", "row height", "idle"])
def test_names_of_features(name):
    assert not is_name_of_an_index(name) and not is_index_of_a_program(name)


def test_names_that_pandas_gives():
    assert is_index_of_a_program("Unnamed: 0") and is_index_of_a_program("__index_level_0__")
