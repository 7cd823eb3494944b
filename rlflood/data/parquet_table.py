"""Reading a Parquet file: its columns have the types that it gives them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlflood.data.sheet import Sheet, samples, target_among
from rlflood.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(
    file: str, target: str | None, keep: Sequence[str] = (), encode: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """The features, float64 (samples, features), and the labels, numbers or text, (samples,), of a file.

    Numbers and truth values are features as they are; text is text, even of digits. See ``samples`` for the
    other arguments and for what is raised and warned of.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file).read()
        names = [name or f"Unnamed: {position}" for position, name in enumerate(table.column_names)]
        target = target_among(file, names, target)
        if not len(table):
            raise InputError(f"{file} has no rows.")
        columns = [_plain(column) for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} is damaged or no Parquet file ({error}): save it again.") from error
    sheet = Sheet(
        file,
        dict(zip(names, columns, strict=True)),
        nameless=frozenset(name for name, given in zip(names, table.column_names, strict=True) if not given),
        where=lambda row: f"row {row + 1}",
        written=False,
    )
    return samples(sheet, target, keep, encode)


def _plain(column: "pa.ChunkedArray") -> "pa.Array":
    """One array; text of whatever kind as large strings without spaces around it, empty where it is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_string_view(column.type)
    ):
        text = pc.fill_null(column.cast(pa.large_string()), "")
        return pc.utf8_trim_whitespace(text).combine_chunks()
    return column.combine_chunks()
