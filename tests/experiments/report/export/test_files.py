"""Tables as files: what is written of a number, a text and nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments.report.export.files import csv_file

pytest.importorskip("pyarrow")

KINDS = {"name": "string", "count": "int64", "score": "double", "yes": "bool"}


def test_text_is_in_quotes_and_what_does_not_exist_is_nothing():
    parts = [
        {"name": 'a "b", c', "count": [1, None], "score": np.array([0.5, np.nan]), "yes": [True, False]},
        {"name": ["", None], "count": 3, "score": None, "yes": np.array([False, True])},
        {"name": None, "count": -4, "score": float("inf"), "yes": None},
    ]
    assert csv_file(KINDS, parts).decode().splitlines() == [
        '"name","count","score","yes"',
        '"a ""b"", c",1,0.5,true',
        '"a ""b"", c",,,false',
        '"",3,,false',
        ",3,,true",
        ",-4,,",
    ]


def test_a_table_without_rows_has_its_columns():
    assert csv_file(KINDS, []) == b'"name","count","score","yes"\n'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"), (-0.0, "-0"), (200.0, "200"), (7, "7"), (0.1, "0.1"), (0.8521999716758728,) * 2,
        (1e-4, "0.0001"), (2.5e-5, "0.000025"), (1e-6, "0.000001"), (1.5e-7, "1.5e-7"),
        (9999999999.0, "9999999999"), (1e10, "1e+10"), (-1.25e300, "-1.25e+300"), (5e-324, "5e-324"),
    ],
)  # fmt: skip
def test_numbers_are_the_shortest_that_read_back_as_the_same(value, written):
    cell = csv_file({"x": "double"}, [{"x": value}]).decode().splitlines()[1]
    assert cell == str(written) and float(cell) == value


NUMBERS = st.none() | st.floats() | st.floats(-(2**40), 2**40, width=32) | st.integers(0, 10**15).map(float)


@given(st.lists(st.tuples(st.integers(0, 9), NUMBERS), min_size=1))
def test_every_number_reads_back_as_the_same(rows):
    columns = dict(zip(("count", "score"), map(list, zip(*rows, strict=True)), strict=True))
    kinds = {name: KINDS[name] for name in columns}
    lines = csv_file(kinds, [columns]).decode().splitlines()[1:]
    for line, (count, score) in zip(lines, rows, strict=True):
        read_count, read_score = line.split(",")
        assert int(read_count) == count
        exists = score is not None and math.isfinite(score)
        assert (float(read_score) == score) if exists else not read_score
