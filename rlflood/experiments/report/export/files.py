"""Tables of typed columns as CSV and as Parquet, both by pyarrow."""

import math
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Kind: TypeAlias = Literal["string", "int64", "double", "bool"]
Rows: TypeAlias = dict[str, Any]
"""Some rows of a table: names of columns and their values, one for all rows or an array or list of one a row.

None is a value that does not exist, and so is a number that is not finite."""


def csv_file(kinds: Mapping[str, Kind], parts: Iterable[Rows]) -> bytes:
    """The rows of all parts as CSV in UTF-8, below the columns' names.

    Text is in quotes, numbers are the shortest that read back as the same, a value that does not exist is
    nothing at all.
    """
    import pyarrow.csv

    file = BytesIO()
    pyarrow.csv.write_csv(_table(kinds, parts), file)
    return file.getvalue()


def parquet_file(kinds: Mapping[str, Kind], parts: Iterable[Rows]) -> bytes:
    """The rows of all parts as Parquet."""
    import pyarrow.parquet

    file = BytesIO()
    pyarrow.parquet.write_table(_table(kinds, parts), file)
    return file.getvalue()


def _table(kinds: Mapping[str, Kind], parts: Iterable[Rows]) -> "pa.Table":
    import pyarrow as pa

    types = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    tables = [
        pa.Table.from_arrays(
            [_array(part[field.name], _count(part), field.type) for field in schema], schema=schema
        )
        for part in parts
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _count(part: Rows) -> int:
    """How many rows there are."""
    return max((len(value) for value in part.values() if isinstance(value, np.ndarray | list)), default=1)


def _array(value: Any, rows: int, kind: Any) -> "pa.Array":
    import pyarrow as pa

    if not isinstance(value, np.ndarray | list):
        missing = isinstance(value, float) and not math.isfinite(value)
        return pa.repeat(pa.scalar(None if missing else value, kind), rows)
    if kind == pa.float64():
        numbers = np.asarray(value, np.float64)  # None becomes NaN
        return pa.array(numbers, kind, mask=~np.isfinite(numbers))
    return pa.array(value, kind)
