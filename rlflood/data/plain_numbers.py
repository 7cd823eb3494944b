"""Plain decimal numbers in columns of text: what is a number, and which of two numbers ``1,234`` is."""

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

# fmt: off
MISSING = frozenset({
    "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nil", "missing",
    "?", "-", "--", "---", ".", "*", "#null!", "#value!", "#div/0!",
})
# fmt: on
"""How programs and people write that a value is missing, in lower case; an empty cell is another."""

# RE2 and Python agree on this subset, in which a digit is one of ASCII's
_PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_COMMA = r"^[+-]?([0-9]+,?[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?$"
_THOUSANDS = {mark: rf"^[+-]?[1-9][0-9]{{0,2}}({re.escape(mark)}[0-9]{{3}})+$" for mark in ",."}
_GROUPED = r"^[+-]?[1-9][0-9]{0,2}([,.' ][0-9]{3})*[,.' ][0-9]{3}([,.][0-9]*)?$"


def is_plain_number(text: str) -> bool:
    """Whether a text is a decimal number: ``-1.5e3``, not ``1_000``, ``nan``, ``0x10`` or ``1e400``."""
    return re.fullmatch(_PLAIN, text) is not None and abs(float(text)) != np.inf


def is_missing(text: str) -> bool:
    """Whether a text says that a value is missing."""
    return not text or text.lower() in MISSING


def has_thousands(text: str) -> bool:
    """Whether a text is a number with marks between its thousands: ``1,234,567`` or ``1.234,5``."""
    return re.fullmatch(_GROUPED, text) is not None


def all_plain(column: "pa.Array") -> bool:
    """Whether every cell has the notation of a plain number, whatever its size."""
    return _all_match(column, _PLAIN)


def all_with_comma(column: "pa.Array") -> bool:
    """Whether every cell is a number with a decimal comma or a whole number, and some have a comma."""
    return _any_match(column, ",") and _all_match(column, _COMMA)


def may_be_thousands(column: "pa.Array", mark: str) -> bool:
    """Whether ``mark``, a comma or a point, may stand between thousands in every cell that has one."""
    import pyarrow.compute as pc

    marked = column.filter(pc.match_substring(column, mark))
    return len(marked) > 0 and _all_match(marked, _THOUSANDS[mark])


def numbers(column: "pa.Array", *, comma: bool = False) -> NDArray[np.float64]:
    """The values of cells that are all plain numbers, or have a decimal comma; infinite beyond float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if comma:
        column = pc.replace_substring(column, ",", ".")
    values: NDArray[np.float64] = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    return values


def count_plain(column: "pa.Array") -> int:
    """How many cells are plain numbers."""
    import pyarrow.compute as pc

    return int(pc.sum(pc.match_substring_regex(column, _PLAIN)).as_py())


def first_other(column: "pa.Array") -> int:
    """The first cell that is no plain number."""
    import pyarrow.compute as pc

    return int(pc.index(pc.match_substring_regex(column, _PLAIN), False).as_py())


def _all_match(column: "pa.Array", pattern: str) -> bool:
    import pyarrow.compute as pc

    return pc.all(pc.match_substring_regex(column, pattern)).as_py() is not False


def _any_match(column: "pa.Array", text: str) -> bool:
    import pyarrow.compute as pc

    return pc.any(pc.match_substring(column, text)).as_py() is True
