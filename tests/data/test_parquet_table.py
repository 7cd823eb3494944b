import datetime
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlflood.data import load
from rlflood.data.parquet_table import read_parquet
from rlflood.errors import InputError, RlfloodWarning

ROWS = 24
LABEL = ["b", "a"] * (ROWS // 2)


def parquet(folder, **columns):
    path = folder / "data.parquet"
    pq.write_table(pa.table({"x": [i * i / 7 for i in range(ROWS)], **columns, "label": LABEL}), path)
    return str(path)


def test_columns_have_the_types_that_the_file_gives_them(tmp_path):
    path = parquet(
        tmp_path,
        whole=pa.array([i * i for i in range(ROWS)], pa.int16()),
        truth=[i % 3 == 0 for i in range(ROWS)],
        money=pa.array([f"{i}.25" for i in range(ROWS)]).cast(pa.decimal128(9, 2)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, labels = read_parquet(path, None)
    np.testing.assert_array_equal(x, [[i * i / 7, i * i, i % 3 == 0, i + 0.25] for i in range(ROWS)])
    np.testing.assert_array_equal(labels, LABEL)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1", "2"] * (ROWS // 2), "the text '1' in row 1, column 'c'.*--encode"),
        ([datetime.date(2020, 1, 1 + i) for i in range(ROWS)], "column 'c' holds dates: .*--encode"),
        ([1.0, None] * (ROWS // 2), "empty cell in row 2, column 'c'"),
        ([1.0, float("nan")] * (ROWS // 2), "nan in row 2, column 'c'"),
        ([[1]] * ROWS, "column 'c' is of type list"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path, column, message):
    with pytest.raises(InputError, match=message):
        load(parquet(tmp_path, c=column))


def test_text_and_dates_are_encoded(tmp_path):
    path = parquet(
        tmp_path,
        digits=["1", "2", "3"] * (ROWS // 3),
        day=[datetime.date(2020, 1, 1 + i * i % 25) for i in range(ROWS)],
        kind=pa.array(["u", "v"] * (ROWS // 2)).dictionary_encode(),
    )
    assert load(path, encode=True).features == 1 + 3 + 1 + 1


def test_the_index_that_pandas_writes_is_left_out(tmp_path):
    with pytest.warns(RlfloodWarning, match="'__index_level_0__' is the index of a table"):
        assert load(parquet(tmp_path, __index_level_0__=[7, 7, 3] * (ROWS // 3))).features == 1


def test_damaged_files(tmp_path):
    content = Path(parquet(tmp_path)).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged or no Parquet file"):
        load(str(tmp_path / "cut.parquet"))
