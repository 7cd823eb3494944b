"""Features of text, truth values and dates.

What a text becomes is settled by the whole column and never by labels, so that all splits of a file have the
same features, and nothing of the labels of validation and test gets into them. Which of the features are
used is settled by the training split alone: one that is constant there is zero everywhere (see
``TableSource``), so that a text that training has not met is ignored.
"""

import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlflood.data.plain_numbers import is_missing
from rlflood.errors import InputError, RlfloodWarning

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CATEGORIES = 50
"""A column becomes this many features at most: one for each frequent text, one for all others."""

_SECONDS_PER_DAY = 86_400
# after ISO 8601: the first that fits all cells counts, unless both of a pair do and differ
_TIMES = ("", " %H:%M", " %H:%M:%S")
_FORMATS = tuple(day + time for day in ("%Y/%m/%d", "%d.%m.%Y") for time in _TIMES)
_PAIRS = tuple((f"%d{m}%m{m}%Y{time}", f"%m{m}%d{m}%Y{time}") for m in "/-" for time in _TIMES)


def encoded(column: "pa.Array", where: str, *, kept: bool) -> NDArray[np.float64] | None:
    """One feature of 0 and 1 for each text, float64 (rows, features); a single one where there are two texts.

    where: how messages name the column.
    kept: whether a column with another text in each row is taken as well.

    Returns None for such a column otherwise. Warns of that, of texts that say that a value is missing, and of
    more texts than ``MOST_CATEGORIES``.
    """
    from sklearn.preprocessing import OneHotEncoder

    numbered = column.dictionary_encode()
    texts = numbered.dictionary.to_pylist()
    if len(texts) == len(column) and not kept:
        _warn(f"{where} has another text in each row, so it is left out of the features; --keep takes it.")
        return None
    if missing := [text for text in texts if is_missing(text)]:
        _warn(f"{where} has {' and '.join(map(repr, missing))}, taken as texts like others, not as missing.")
    if len(texts) > MOST_CATEGORIES:
        _warn(
            f"{where} has {len(texts):,} different texts: the {MOST_CATEGORIES - 1} most frequent have a "
            "feature each, all others one together."
        )
    encoder = OneHotEncoder(
        max_categories=MOST_CATEGORIES, drop="if_binary", sparse_output=False, dtype=np.float64
    )
    matrix: NDArray[np.float64] = encoder.fit_transform(numbered.indices.to_numpy()[:, None])
    return matrix


def days(column: "pa.Array") -> NDArray[np.float64]:
    """Dates or times of that type as days since 1970, float64 (rows,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    microseconds = pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64())
    return np.asarray(microseconds.to_numpy(zero_copy_only=False) / (_SECONDS_PER_DAY * 1e6))


def written_days(column: "pa.Array", where: str) -> NDArray[np.float64] | None:
    """Dates, with or without a time, as days since 1970, float64 (rows,); None where a text is no date.

    Read are ISO 8601 and, if all cells have the same one, year/month/day, day.month.year, day/month/year and
    month/day/year.

    Raises InputError where it may be the day or the month that comes first.
    """
    numbered = column.dictionary_encode()
    texts = numbered.dictionary.to_pylist()
    found = _read(texts, datetime.fromisoformat)
    for form in _FORMATS:
        found = found or _read(texts, _reader(form))
    for pair in _PAIRS if found is None else ():
        first, second = (_read(texts, _reader(form)) for form in pair)
        if first and second and first != second:
            raise InputError(
                f"{where} has dates such as {texts[0]!r} in which the day or the month may come first: "
                "write them as year-month-day."
            )
        found = found or first or second
    if found is None:
        return None
    values: NDArray[np.float64] = np.array(found)[numbered.indices.to_numpy()]
    return values


def _reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)


def _read(texts: Sequence[str], read: Callable[[str], datetime]) -> list[float] | None:
    """Days since 1970 of all texts; None if one cannot be read. A time without a zone is one of UTC."""
    try:
        dates = [read(text) for text in texts]
        return [(date.replace(tzinfo=date.tzinfo or UTC)).timestamp() / _SECONDS_PER_DAY for date in dates]
    except (ValueError, OverflowError):
        return None


def _warn(text: str) -> None:
    warnings.warn(text, RlfloodWarning, stacklevel=5)
