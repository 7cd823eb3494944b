"""A person's own data: arrays in ``.npz``, tables in ``.csv`` or ``.parquet``. Nothing is unpickled."""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rlflood.data.csv_table import read_csv
from rlflood.data.labels import class_names, doubts, encode_labels
from rlflood.data.npz_arrays import read_npz
from rlflood.data.parquet_table import read_parquet
from rlflood.data.tabular import TableSource
from rlflood.errors import InputError, RlfloodWarning

ENDINGS = (".npz", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")

_INSTEAD = {
    "a spreadsheet: save it as CSV UTF-8": (".xlsx", ".xlsm", ".xls", ".ods"),
    "JSON: save it as a table in .csv": (".json", ".jsonl", ".ndjson"),
    "a single array: save two with numpy.savez(file, x=..., y=...)": (".npy",),
    "pickled, and could run code when loaded: save it as .npz or .csv": (".pkl", ".pickle", ".joblib", ".pt"),
    "text: if it is a table with a header row, name it .csv": (".txt", ".dat", ".data"),
    "compressed: unpack it, or compress a .csv with gzip": (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z"),
    "of a format that is not read: save it as .csv, .parquet or .npz": (
        ".feather", ".arrow", ".orc", ".h5", ".hdf5", ".mat", ".arff", ".sav", ".dta", ".rds",
    ),
}  # fmt: skip
"""What files with other endings are, and what to do."""


def own_file(file: str, target: str | None, keep: Sequence[str] = (), encode: bool = False) -> TableSource:
    """The table in a file that ends in one of ``ENDINGS``; read again only when the file has changed.

    target: the column that holds the labels (see ``read_csv``); a ``.npz`` has it in y.
    keep: columns that are features although they seem to count the rows or to name them.
    encode: make features of text, truth values and dates (see ``encoding.py``).

    Raises InputError, saying where the fault is, for anything that cannot be learned from. Warns, as
    RlfloodWarning and when the file is read, of what may be taken for something else than it is.
    """
    path = Path(file).expanduser()
    if path.suffix.lower() == ".npz":
        if target is not None:
            raise InputError(
                f"A target column ({target}) is for .csv and .parquet files; {file} has its labels in y."
            )
        if encode:
            raise InputError(f"Encoding is for .csv and .parquet files: {file} holds numbers.")
    if not path.is_file():
        kind = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise InputError(f"The file {file} {kind}: check the path.")
    try:
        status = path.stat()
        return _read(str(path), target, tuple(keep), encode, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise InputError(
            f"The file {file} cannot be read ({error}): check it and its permissions."
        ) from error


def not_read(data: str) -> str:
    """What a file with another ending than ``ENDINGS`` is and what to do, or else which endings there are."""
    for what, endings in _INSTEAD.items():
        if data.lower().endswith(endings):
            return f"{data} is {what}."
    return f"{data} is no data file: give one that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."


@lru_cache(maxsize=4)
def _read(
    file: str, target: str | None, keep: tuple[str, ...], encode: bool, modified: int, length: int
) -> TableSource:
    """Read the file; the time of its last change and its length are there for the cache alone."""
    if length == 0:
        raise InputError(f"The file {file} is empty.")
    if file.lower().endswith(".npz"):
        arrays = read_npz(file, keep)
        x, labels, where = arrays.x, arrays.y, f"y in {file}"
        image_shape = arrays.image_shape
    else:
        read = read_parquet if file.lower().endswith(".parquet") else read_csv
        x, labels = read(file, target, keep, encode)
        where, image_shape = f"the target column of {file}", None
    table = TableSource(
        file,
        x,
        encode_labels(labels, where),
        class_names=class_names(labels),
        image_shape=image_shape,
        ignore_constant=encode,
    )
    for doubt in doubts(labels, where):
        warnings.warn(doubt, RlfloodWarning, stacklevel=3)
    return table
