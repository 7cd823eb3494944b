"""Tables of typed columns as files: CSV, and Parquet where pyarrow is installed."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Kind: TypeAlias = Literal["string", "int64", "double", "bool"]
Columns: TypeAlias = dict[str, Any]
"""Some rows of a table: names of columns and their values, one for all rows or an array or list of one a row.

None is a value that does not exist, and so is a number that is not finite."""

# beyond these a number is written with an exponent, as Arrow writes it
_LEAST_PLAIN, _MOST_PLAIN = 1e-6, 1e10
# between these Python writes it without one, and a point and a nought behind whole ones
_LEAST_OF_REPR = 1e-4


def csv_file(kinds: Mapping[str, Kind], parts: Iterable[Columns]) -> bytes:
    """The rows of all parts as CSV in UTF-8, below the columns' names.

    Text is in quotes, numbers are the shortest that read back as the same, a value that does not exist is
    nothing at all: what Arrow writes of the same table.
    """
    file = BytesIO()
    file.write((",".join(map(_quoted, kinds)) + "\n").encode())
    for part in parts:
        columns = [_cells(part[name], kind, _count(part)) for name, kind in kinds.items()]
        file.writelines(f"{','.join(row)}\n".encode() for row in zip(*columns, strict=True))
    return file.getvalue()


def parquet_file(kinds: Mapping[str, Kind], parts: Iterable[Columns]) -> bytes:
    """The rows of all parts as Parquet. It needs pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet

    types = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    tables = [
        pa.Table.from_arrays(
            [_array(part[field.name], _count(part), field.type) for field in schema], schema=schema
        )
        for part in parts
    ]
    file = BytesIO()
    pyarrow.parquet.write_table(pa.concat_tables(tables) if tables else schema.empty_table(), file)
    return file.getvalue()


def _count(part: Columns) -> int:
    """The rows of a part."""
    return max((len(value) for value in part.values() if isinstance(value, np.ndarray | list)), default=1)


def _array(value: Any, rows: int, kind: Any) -> "pa.Array":
    import pyarrow as pa

    if not isinstance(value, np.ndarray | list):
        missing = isinstance(value, float) and not math.isfinite(value)
        return pa.repeat(pa.scalar(None if missing else value, kind), rows)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return pa.array(value, kind, mask=~np.isfinite(value))
    return pa.array(value, kind)


def _cells(value: Any, kind: Kind, rows: int) -> Iterator[str]:
    many = isinstance(value, np.ndarray | list)
    values = (value.tolist() if isinstance(value, np.ndarray) else value) if many else [value]
    cells = ["" if one is None else _CELLS[kind](one) for one in values]
    return iter(cells if many else cells * rows)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _number(value: float) -> str:
    size = abs(value)
    if _LEAST_OF_REPR <= size < _MOST_PLAIN or not value:
        return repr(float(value)).removesuffix(".0")
    if not math.isfinite(value):
        return ""
    if _LEAST_PLAIN <= size < _MOST_PLAIN:
        return np.format_float_positional(value, trim="-")
    return np.format_float_scientific(value, trim="-", exp_digits=1)


_CELLS: dict[Kind, Callable[[Any], str]] = {
    "string": _quoted,
    "int64": str,
    "double": _number,
    "bool": lambda value: str(value).lower(),
}
