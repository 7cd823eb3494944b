"""Reading a CSV file: its encoding, its separator, its rows; faults are named by row and line."""

import csv
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlflood.data.plain_numbers import is_plain_number
from rlflood.data.sheet import Sheet, samples, target_among
from rlflood.errors import InputError
from rlflood.words import counted

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = ";\t|,"  # where two fit a file alike, the rarer one in names and numbers first
_LOOKED_AT = 20
"""Rows that the separator is told by, from the first so many characters."""
_HEAD = 1 << 16
_BLOCK = 1 << 24
"""Bytes that are read at a time; no row may be longer."""
_SPACES = " \t\r\n\v\f\u00a0"
_EXCELS_FIRST_LINE = re.compile(r'"?sep=([!#-/:-@\[-`{-~\t])"?', re.IGNORECASE)
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another .zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file (its name should end in .parquet)",
    b"%PDF": "a PDF",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
}


def read_csv(
    file: str, target: str | None, keep: Sequence[str] = (), encode: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """The features, float64 (samples, features), and the labels, numbers or text, (samples,), of a CSV file.

    The first line names the columns, but for lines before it that begin with ``#`` and for ``sep=;``. Commas,
    semicolons, tabs or ``|`` divide them: whichever gives the first rows most columns, quotes heeded. Text is
    UTF-8, or UTF-16 with a byte order mark; what gzip has compressed is read, too.

    target: the column of labels; without it exactly one is called target, label, class or y, in any case.

    See ``samples`` for the other arguments, for decimal commas, and for what is raised and warned of; rows
    are named with the line of the file.
    """
    sheet, target = _sheet(file, _text(file), target)
    return samples(sheet, target, keep, encode)


@dataclass(frozen=True)
class _Layout:
    """Where in a text the header begins, counted in characters, and what divides the columns."""

    text: str
    start: int
    separator: str

    def records(self) -> Iterator[tuple[int, int, list[str]]]:
        """Each row that is not blank, the header first: its last line, where the next row begins, its cells.

        Raises csv.Error where quotes are not as they should be.
        """
        stream = io.StringIO(self.text, newline="")
        lines_before = sum(1 for _ in io.StringIO(self.text[: self.start], newline=""))
        stream.seek(self.start)
        reader = csv.reader(iter(stream.readline, ""), delimiter=self.separator, strict=True)
        try:
            for row in reader:
                cells = [cell.strip(_SPACES) for cell in row]
                if any(cells):
                    yield lines_before + reader.line_num, stream.tell(), cells
        except csv.Error as error:
            raise csv.Error(f"{error}, line {lines_before + reader.line_num}") from None


def _text(file: str) -> str:
    content = Path(file).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        import gzip

        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{file} is damaged ({error}): compress it again with gzip.") from error
    for beginning, what in _OTHER_FORMATS.items():
        if content.startswith(beginning):
            raise InputError(f"{file} is no CSV file but {what}: save the table as CSV UTF-8.")
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in content and not utf_16:
        raise InputError(f"{file} is no text, or UTF-16 without a byte order mark: save it as CSV UTF-8.")
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        if utf_16:
            raise InputError(f"{file} is damaged UTF-16 text ({error.reason}): save it again.") from error
        raise InputError(
            f"{file} is not UTF-8 text, and Windows-1252 or Latin-1 by the look of it (byte "
            f"0x{content[error.start]:02x}): save it as CSV UTF-8, or convert it with iconv -f WINDOWS-1252 "
            "-t UTF-8."
        ) from error


def _sheet(file: str, text: str, target: str | None) -> tuple[Sheet, str]:
    """The table, and the name of its column of labels."""
    try:
        layout, commented = _layout(text)
        _, body, header = next(layout.records(), (0, 0, []))
        if not header:
            raise InputError(f"The file {file} is empty.")
        if commented:
            header[0] = header[0].lstrip("#").strip(_SPACES)
        names = [name or f"Unnamed: {position}" for position, name in enumerate(header)]
        target = target_among(file, names, target)
        columns = _columns(file, layout, body, len(names))
    except csv.Error as error:
        raise InputError(f"{file} is not a CSV file ({error}): save it as CSV again.") from error
    sheet = Sheet(
        file,
        dict(zip(names, columns, strict=True)),
        nameless=frozenset(name for name, given in zip(names, header, strict=True) if not given),
        where=lambda row: _place(layout, row),
        written=True,
    )
    return sheet, target


def _layout(text: str) -> tuple[_Layout, bool]:
    """Pass over ``sep=;`` and comments; whether the last of these is the header, as of numpy.savetxt."""
    separator, comment, start = None, None, 0
    stream = io.StringIO(text, newline="")
    for line in iter(stream.readline, ""):
        line = line.strip(_SPACES)
        if start == 0 and (match := _EXCELS_FIRST_LINE.fullmatch(line)):
            separator = match[1]
        elif line.startswith("#"):
            comment = start
        elif line:
            break
        start = stream.tell()
    layout = _Layout(text, start, separator or _separator(text[start : start + _HEAD]))
    if comment is not None:
        above, below = (
            next(_Layout(text, begin, layout.separator).records(), (0, 0, []))[2]
            for begin in (comment, start)
        )
        if len(above) == len(below) > 1 and any(map(is_plain_number, below)):
            return _Layout(text, comment, layout.separator), True
    return layout, False


def _separator(head: str) -> str:
    """The one by which most of the first rows have as many columns as the header, and most columns."""
    best, separator = (0, 0), ","
    for candidate in _SEPARATORS:
        lengths = []
        try:
            for _, _, cells in _Layout(head, 0, candidate).records():
                lengths.append(len(cells))
                if len(lengths) > _LOOKED_AT:
                    break
        except csv.Error:
            pass  # told when the file is read, if that is the one
        if lengths and lengths[0] > 1 and (found := (lengths.count(lengths[0]), lengths[0])) > best:
            best, separator = found, candidate
    return separator


def _columns(file: str, layout: _Layout, body: int, width: int) -> list["pa.Array"]:
    """The columns below the header as text, without spaces around it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    text = layout.text[body:]
    if '"' in text:  # pyarrow takes an open quote, and text after a closed one, for what they are not
        _check_rows(file, layout, width)
    names = [str(position) for position in range(width)]
    blank = _SPACES + layout.separator

    def ragged(row: Any) -> str:
        return "error" if row.text.strip(blank) else "skip"

    columns: list[pa.Array] = []
    if text.strip(_SPACES):
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(text.encode()),
                arrow_csv.ReadOptions(column_names=names, block_size=_BLOCK),
                arrow_csv.ParseOptions(
                    delimiter=layout.separator, newlines_in_values=True, invalid_row_handler=ragged
                ),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string())),
            )
        except pa.ArrowInvalid as error:
            _check_rows(file, layout, width)
            raise InputError(f"{file} is not a CSV file ({error}): save it as CSV again.") from error
        columns = [pc.utf8_trim(column, _SPACES).combine_chunks() for column in table.columns]
        blanks = pc.equal(columns[0], "")
        for column in columns[1:]:
            if not pc.any(blanks).as_py():
                break
            blanks = pc.and_(blanks, pc.equal(column, ""))
        else:
            columns = [column.filter(pc.invert(blanks)) for column in columns]
    if not columns or not len(columns[0]):
        raise InputError(f"{file} has a header row but no data rows.")
    return columns


def _check_rows(file: str, layout: _Layout, width: int) -> None:
    records = layout.records()
    next(records)
    for row, (line, _, cells) in enumerate(records, start=1):
        if len(cells) != width:
            raise InputError(
                f"{file} has {counted(cells, 'cell')} in row {row} (line {line}), but "
                f"{counted(width, 'column')}: "
                "give every row one cell for each column."
            )


def _place(layout: _Layout, row: int) -> str:
    for number, (line, _, _) in enumerate(layout.records()):
        if number == row + 1:  # the header is the first
            return f"row {row + 1} (line {line})"
    return f"row {row + 1}"
