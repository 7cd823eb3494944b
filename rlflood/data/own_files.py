"""A person's own data: ``.npz`` with arrays x and y, or ``.csv`` with a header row. Nothing is unpickled."""

import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from rlflood.data.csv_table import read_csv
from rlflood.data.labels import encode_labels
from rlflood.data.tabular import Table
from rlflood.errors import InputError
from rlflood.words import counted

ENDINGS = (".npz", ".csv")


def own_file(file: str, target: str | None) -> Table:
    """The table in a ``.npz`` or ``.csv`` file; read again only when the file has changed.

    target: the column of a ``.csv`` that holds the labels (see ``read_csv``); a ``.npz`` has it in y.

    Raises InputError, saying where the fault is, for anything that cannot be learned from.
    """
    path = Path(file).expanduser()
    if target is not None and path.suffix.lower() == ".npz":
        raise InputError(f"A target column ({target}) is for .csv files; {file} has its labels in y.")
    if not path.is_file():
        kind = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise InputError(f"The file {file} {kind}: check the path.")
    try:
        status = path.stat()
        return _read(str(path), target, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise InputError(
            f"The file {file} cannot be read ({error}): check it and its permissions."
        ) from error


@lru_cache(maxsize=4)
def _read(file: str, target: str | None, modified: int, length: int) -> Table:
    """Read the file; the time of its last change and its length are there for the cache alone."""
    if length == 0:
        raise InputError(f"The file {file} is empty.")
    if file.lower().endswith(".csv"):
        features, target_column = read_csv(file, target)
        return Table(file, features, encode_labels(target_column, f"the target column of {file}"))
    x, y = _read_npz(file)
    return Table(file, x, encode_labels(y, f"y in {file}"))


def _read_npz(file: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    try:
        with open(
            file, "rb"
        ) as stream:  # opened here, for numpy leaves a file that it opens and refuses open
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise InputError(
                    f"{file} holds a single array: save two with numpy.savez(file, x=..., y=...)."
                )
            missing = [key for key in ("x", "y") if key not in archive]
            if missing:
                raise InputError(
                    f"{file} has no array {' and no array '.join(missing)} (it has: "
                    f"{', '.join(archive.files) or 'none'}): save them with numpy.savez(file, x=..., y=...)."
                )
            x, y = archive["x"], archive["y"]
    except InputError:
        raise
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        if "pickle" in str(error):
            raise InputError(
                f"{file} is no .npz file or holds pickled objects, which are not loaded because they can run "
                "code: save x and y as plain arrays (no dtype=object) with numpy.savez."
            ) from error
        raise InputError(
            f"{file} is damaged or no .npz file ({error}): save it again with numpy.savez."
        ) from error
    return _checked(file, x, y)


def _checked(
    file: str, x: NDArray[np.generic], y: NDArray[np.generic]
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    if x.dtype.kind not in "biuf":
        raise InputError(f"x in {file} is of type {x.dtype}: give real numbers.")
    if x.ndim < 2 or x.size == 0:
        raise InputError(f"x in {file} has shape {x.shape}: give (samples, features) or (samples, ...).")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise InputError(
            f"y in {file} has shape {y.shape}: give one label for each sample, (samples,); "
            "for one-hot rows that is y.argmax(axis=1)."
        )
    if len(x) != len(y):
        raise InputError(
            f"x in {file} has {counted(x, 'sample')}, but y has {len(y)}: give one label for each."
        )
    x = x.reshape(len(x), -1)
    if x.dtype.kind == "f":
        wrong = np.argwhere(~(np.abs(x) <= np.finfo(np.float32).max))
        if wrong.size:
            row, column = wrong[0]
            raise InputError(
                f"x in {file} has {x[row, column]} in row {row + 1}, column {column + 1} "
                f"(counted from 1), the first of {len(wrong)} such: remove these rows, or fill in "
                "numbers within float32."
            )
    return x, y
