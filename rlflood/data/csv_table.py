"""Reading numbers and one column of labels from a CSV file; faults are named by row and column."""

import csv
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError
from rlflood.words import counted

TARGET_NAMES = ("target", "label", "class", "y")
"""Names that make a column the target where none is given, in any case."""

_LARGEST = float(np.finfo(np.float32).max)


def read_csv(file: str, target: str | None) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """Return the features, float64 (samples, columns - 1), and the labels, numbers or text, (samples,).

    The first line names the columns; commas, semicolons or tabs divide them (whichever the first line has
    most of). Features must be finite numbers. ``target`` names the column of labels; without it there must be
    exactly one column called target, label, class or y, in any case.

    Raises InputError with the data row (counted from 1, without the header) and the line of the file.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(",;\t", key=first.count), strict=True)
            # blank lines are no rows; each row comes with the line it ends on
            rows = ((reader.line_num, [cell.strip() for cell in cells]) for cells in reader)
            return _parse(file, target, ((line, cells) for line, cells in rows if any(cells)))
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text: save it as CSV with the UTF-8 encoding.") from error
    except csv.Error as error:
        raise InputError(
            f"{file} is not a CSV file ({error}, line {reader.line_num}): save it as CSV again."
        ) from error


def _parse(
    file: str, target: str | None, rows: Iterator[tuple[int, list[str]]]
) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    _, columns = next(rows, (0, []))
    if not columns:
        raise InputError(f"The file {file} is empty.")
    _check_header(file, columns)
    position = _target_position(file, columns, target)
    features: list[list[float]] = []
    labels: list[str] = []
    for row, (line, cells) in enumerate(rows, start=1):
        where = f"row {row} (line {line})"
        if len(cells) != len(columns):
            raise InputError(
                f"{file} has {counted(cells, 'cell')} in {where}, but {counted(columns, 'column')}: "
                "give every row one cell for each column."
            )
        if not cells[position]:
            raise InputError(f"{file} has no label in {where}, column {columns[position]!r}: fill it in.")
        labels.append(cells[position])
        features.append(
            [_number(file, where, columns[i], cell) for i, cell in enumerate(cells) if i != position]
        )
    if not labels:
        raise InputError(f"{file} has a header row but no data rows.")
    return np.array(features, dtype=np.float64), _labels(labels)


def _check_header(file: str, columns: list[str]) -> None:
    if all(_is_number(name) for name in columns):
        raise InputError(f"{file} starts with numbers ({_listed(columns)}): add a header row of names.")
    if "" in columns:
        raise InputError(
            f"{file} has a column without a name (column {columns.index('') + 1}): name it, or remove it "
            "if it only numbers the rows."
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{file} has several columns with the same name ({_listed(twice)}): rename them.")
    if len(columns) < 2:
        raise InputError(f"{file} has one column only ({columns[0]}): give features and a target column.")


def _target_position(file: str, columns: list[str], target: str | None) -> int:
    if target is not None:
        if target not in columns:
            raise InputError(f"{file} has no column {target!r}: choose the target among {_listed(columns)}.")
        return columns.index(target)
    candidates = [i for i, name in enumerate(columns) if name.lower() in TARGET_NAMES]
    if len(candidates) != 1:
        found = "several columns" if candidates else "no column"
        raise InputError(
            f"{file} has {found} called {', '.join(TARGET_NAMES[:-1])} or {TARGET_NAMES[-1]}: "
            f"name the target column; the file has {_listed(columns)}."
        )
    return candidates[0]


def _number(file: str, where: str, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        if not cell:
            raise InputError(f"{file} has an empty cell in {where}, column {column!r}: fill it in.") from None
        raise InputError(
            f"{file} has the text {cell!r} in {where}, column {column!r}, but features must be numbers: "
            "encode the column as numbers or remove it."
        ) from None
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise InputError(
            f"{file} has {cell!r} in {where}, column {column!r}: "
            "remove the row or fill in a number within float32."
        )
    return value


def _labels(labels: list[str]) -> NDArray[np.generic]:
    """Numbers if every label is one, so that 10 comes after 9 and 1.0 equals 1; text otherwise."""
    if all(_is_number(label) for label in labels):
        return np.array(labels, dtype=np.float64)
    return np.array(labels)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(columns: list[str]) -> str:
    """The first 20 names, so that a message about a wide table stays readable."""
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(columns[:20]) + more
