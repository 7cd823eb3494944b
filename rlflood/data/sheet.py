"""What a table of named columns has to do with learning: its features, its labels, and what is neither."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlflood.data import plain_numbers as plain
from rlflood.data.encoding import days, encoded, written_days
from rlflood.data.index_columns import counts_the_rows, is_index_of_a_program, is_name_of_an_index
from rlflood.errors import InputError, RlfloodWarning, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

TARGET_NAMES = ("target", "label", "class", "y")
"""Names that make a column the target where none is given, in any case."""

_LARGEST = float(np.finfo(np.float32).max)
_EXACT = 2.0**53
"""Whole numbers from this on are not all float64: as labels they stay text, else two classes become one."""
_LONGEST_LABEL = 200
_HOW_TO_WRITE = "write numbers with a decimal point and nothing between thousands."
_COUNTER = "numbers the rows, and may give the labels away"
_HOW_TO_ENCODE = "let it be encoded with --encode (in a study: encode = true), or remove the column."


@dataclass(frozen=True)
class Sheet:
    """A table as it was read.

    columns: by name, in order, all of the same length: text as it was written but for spaces around it, or
        values of the type that the file gives them. Text is empty, values are null, where a cell is empty.
    nameless: which of the names the file does not have; they are ``Unnamed: `` and the position from 0.
    where: in which place of the file a row, counted from 0, is: ``row 13 (line 14)``.
    written: whether text may be numbers, as in a CSV.
    """

    file: str
    columns: Mapping[str, "pa.Array"]
    nameless: frozenset[str]
    where: Callable[[int], str]
    written: bool


def samples(
    sheet: Sheet, target: str, keep: Sequence[str], encode: bool
) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """The features of a table, float64 (samples, features), and its labels, numbers or text, (samples,).

    target: the column of labels.
    keep: columns that are features although they look as if they told rows apart.
    encode: make features of text, truth values and dates too (see ``encoding.py``).

    Raises InputError with the data row (counted from 1, without a header) and the column. Warns of columns
    that are left out, of decimal commas, and of what ``encoded`` warns of.
    """
    for name in keep:
        if name not in sheet.columns or name == target:
            what = "is the target" if name == target else "is no column"
            others = [other for other in sheet.columns if other != target]
            raise InputError(
                f"{name!r} cannot be kept: it {what} of {sheet.file}, which has {listed(others)}."
            )
    commas = _decimal_commas(sheet, target)
    labels = _labels(sheet, target, comma=target in commas)
    features = []
    for name, column in sheet.columns.items():
        if name == target:
            continue
        values = _numbers(sheet, name, comma=name in commas)
        if name not in keep and (why := _tells_rows_apart(name, column, values)):
            _leave_out(sheet, name, why)
            continue
        if name in sheet.nameless and name not in keep:
            number = list(sheet.columns).index(name) + 1
            raise InputError(
                f"{sheet.file} has a column without a name (column {number}): name it, or remove it if it "
                "only numbers the rows."
            )
        if values is not None:
            _check_range(sheet, name, values)
            features.append(values[:, None])
        else:
            features += _other_features(sheet, name, encode, kept=name in keep)
    if not features:
        raise InputError(f"{sheet.file} has no features: give it a column beside {target!r} to learn from.")
    return np.concatenate(features, axis=1), labels


def target_among(file: str, names: Sequence[str], target: str | None) -> str:
    """The column of labels: ``target``, or the one that is called target, label, class or y, in any case.

    Raises InputError where there is none, or the names can be no header, or one of no use.
    """
    numeric = [name for name in names if plain.is_plain_number(name)]
    counted = len({name for name in numeric if name.isdigit()}) == len(numeric)
    if len(numeric) == len(names) or (numeric and len(numeric) == len(names) - 1 and not counted):
        raise InputError(f"{file} starts with numbers ({listed(names)}): add a header row of names.")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise InputError(f"{file} has several columns with the same name ({listed(twice)}): rename them.")
    if len(names) < 2:
        raise InputError(
            f"{file} has one column only ({listed(names)}): give features and a target column, with commas, "
            "semicolons, tabs or | between."
        )
    if target is not None:
        if target not in names:
            raise InputError(
                f"{file} has no column {target!r}: {did_you_mean(target, names)}"
                f"choose the target among {listed(names)}."
            )
        return target
    candidates = [name for name in names if name.lower() in TARGET_NAMES]
    if len(candidates) != 1:
        found = "several columns" if candidates else "no column"
        raise InputError(
            f"{file} has {found} called {', '.join(TARGET_NAMES[:-1])} or {TARGET_NAMES[-1]}: "
            f"name the target column with --target (in a study: target); the file has {listed(names)}."
        )
    return candidates[0]


def listed(names: Sequence[str]) -> str:
    """The first 20 names, so that a message about a wide table stays readable."""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more


def _leave_out(sheet: Sheet, name: str, why: str) -> None:
    _warn(
        f"{sheet.file}: the column {name!r} {why}, so it is left out of the features; if it is one, "
        f"keep it with --keep {name!r} (in a study: keep)."
    )


def _warn(text: str) -> None:
    warnings.warn(text, RlfloodWarning, stacklevel=3)


def _decimal_commas(sheet: Sheet, target: str) -> frozenset[str]:
    """The columns whose numbers have a decimal comma.

    ``1,234`` may be 1.234 or 1234. What another column of the file has, such as ``0,5``, settles it; so does
    that column for ``1.234``.
    """
    if not sheet.written:
        return frozenset()
    commas = [name for name, column in sheet.columns.items() if plain.all_with_comma(column)]
    doubtful = [name for name in commas if plain.may_be_thousands(sheet.columns[name], ",")]
    settled = [name for name in commas if name not in doubtful]
    if settled:
        points = (name for name, column in sheet.columns.items() if plain.all_plain(column))
        doubtful = [name for name in points if plain.may_be_thousands(sheet.columns[name], ".")]
    if features := [name for name in doubtful if name != target]:
        mark = "." if settled else ","
        example = _example(sheet, features[0], mark)
        raise InputError(
            f"{sheet.file} has {example!r} in column {features[0]!r}, which may be "
            f"{example.replace(mark, '.')} or {example.replace(mark, '')}: {_HOW_TO_WRITE}"
        )
    if settled:
        example = _example(sheet, settled[0], ",")
        _warn(
            f"{sheet.file}: numbers with a decimal comma, such as {example} in column {settled[0]!r}, are "
            f"read as {example.replace(',', '.')}."
        )
    return frozenset(commas if settled else ())


def _example(sheet: Sheet, name: str, mark: str) -> str:
    import pyarrow.compute as pc

    column = sheet.columns[name]
    return str(column.filter(pc.match_substring(column, mark))[0].as_py())


def _labels(sheet: Sheet, name: str, *, comma: bool) -> NDArray[np.generic]:
    """Numbers if every label is one, so that 10 comes after 9 and 1.0 equals 1; text otherwise."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = sheet.columns[name]
    if (row := _first_empty(column)) is not None:
        raise InputError(
            f"{sheet.file} has no label in {sheet.where(row)}, column {name!r}{_more_empty(column)}: "
            "fill it in or remove the row."
        )
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    values = _numbers(sheet, name, comma=comma)
    if values is not None and (not _is_text(column) or bool((np.abs(values) < _EXACT).all())):
        exact = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
        return np.asarray(column.to_numpy(zero_copy_only=False)) if exact else values
    if not _is_text(column):
        raise InputError(
            f"The labels (column {name!r} of {sheet.file}) are of type {column.type}: give whole numbers or "
            "text."
        )
    longest = pc.max(pc.utf8_length(column)).as_py()
    if longest > _LONGEST_LABEL:
        raise InputError(
            f"The labels (column {name!r} of {sheet.file}) are texts of up to {longest} characters: choose "
            "the column that names the class."
        )
    return np.array(column.to_pylist())


def _numbers(sheet: Sheet, name: str, *, comma: bool) -> NDArray[np.float64] | None:
    """The values of a column of numbers; None for text and dates, and where a cell is empty or no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = sheet.columns[name]
    if _is_text(column):
        if sheet.written and (comma or plain.all_plain(column)):
            return plain.numbers(column, comma=comma)
        return None
    types = pa.types
    if column.null_count or not (
        types.is_boolean(column.type) or types.is_integer(column.type) or types.is_floating(column.type)
        or types.is_decimal(column.type)
    ):  # fmt: skip
        return None
    values: NDArray[np.float64] = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _is_text(column: "pa.Array") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_large_string(column.type))


def _first_empty(column: "pa.Array") -> int | None:
    """The first cell, counted from 0, that is empty; None if there is none."""
    import pyarrow.compute as pc

    first = int(pc.index(_empty(column), True).as_py())
    return None if first < 0 else first


def _more_empty(column: "pa.Array") -> str:
    """How many cells are empty beside the first; nothing if that is the only one."""
    import pyarrow.compute as pc

    more = pc.sum(_empty(column)).as_py() - 1
    return f" (and {more:,} more of this column)" if more else ""


def _empty(column: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    return pc.equal(column, "") if _is_text(column) else pc.is_null(column)


def _tells_rows_apart(name: str, column: "pa.Array", values: NDArray[np.float64] | None) -> str | None:
    """Why a column says which row it is and nothing else; None if it does not look like that."""
    import pyarrow.compute as pc

    if values is not None and counts_the_rows(values):
        return _COUNTER
    whole = values is not None and bool((values == np.round(values)).all())
    if is_index_of_a_program(name) and whole:
        return "is the index of a table, and may give the labels away"
    text = values is None and _is_text(column)
    if is_name_of_an_index(name) and (whole or text) and pc.count_distinct(column).as_py() == len(column):
        return "tells every row from all others, as an identifier does"
    return None


def _check_range(sheet: Sheet, name: str, values: NDArray[np.float64]) -> None:
    within = np.abs(values) <= _LARGEST
    if not within.all():
        row = int(np.argmin(within))
        column = sheet.columns[name]
        cell = repr(column[row].as_py()) if _is_text(column) else f"{values[row]:g}"
        raise InputError(
            f"{sheet.file} has {cell} in {sheet.where(row)}, column {name!r}: "
            "remove the row or fill in a number within float32."
        )


def _other_features(sheet: Sheet, name: str, encode: bool, *, kept: bool) -> list[NDArray[np.float64]]:
    """The features that are made of a column that does not hold numbers: none or one array."""
    import pyarrow as pa

    column = sheet.columns[name]
    where = f"{sheet.file}, column {name!r}"
    if (row := _first_empty(column)) is not None:
        raise InputError(
            f"{sheet.file} has an empty cell in {sheet.where(row)}, column {name!r}{_more_empty(column)}: "
            "fill it in or remove the row."
        )
    if not _is_text(column):
        if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
            raise InputError(
                f"{where} is of type {column.type}: give numbers, text or dates, or remove the column."
            )
        if not encode:
            raise InputError(f"{where} holds dates: {_HOW_TO_ENCODE}")
        dates: NDArray[np.float64] | None = days(column)
    else:
        _check_cells(sheet, name, encode)
        dates = written_days(column, where)
    if dates is not None:
        if not kept and counts_the_rows(dates):
            _leave_out(sheet, name, _COUNTER)
            return []
        return [dates[:, None]]
    matrix = encoded(column, where, kept=kept)
    return [] if matrix is None else [matrix]


def _check_cells(sheet: Sheet, name: str, encode: bool) -> None:
    """Raise InputError where a cell stands among numbers and is none, or text is not to be encoded."""
    import pyarrow.compute as pc

    column = sheet.columns[name]
    row, numbers = (plain.first_other(column), plain.count_plain(column)) if sheet.written else (0, 0)
    cell = str(column[row].as_py())
    found = f"{sheet.file} has {cell!r} in {sheet.where(row)}, column {name!r}"
    if numbers and all(
        plain.is_missing(text) or plain.is_plain_number(text) for text in pc.unique(column).to_pylist()
    ):
        raise InputError(f"{found}, which says that a value is missing: fill it in or remove the row.")
    if sheet.written and cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise InputError(f"{found}: remove the row or fill in a number within float32.")
    if sheet.written and plain.has_thousands(cell):
        raise InputError(f"{found}: {_HOW_TO_WRITE}")
    mostly_numbers = 2 * numbers > len(column)
    if mostly_numbers or not encode:
        found = found.replace(" has ", " has the text ", 1)
        how = "correct the cell or remove the row." if mostly_numbers else _HOW_TO_ENCODE
        raise InputError(f"{found}, but features must be numbers: {how}")
