"""Columns that tell a row from all others and nothing else: counters of the rows, and identifiers.

A file that is sorted by its labels gives them away by such a column.
"""

import re

import numpy as np
from numpy.typing import NDArray

_OF_PROGRAMS = re.compile(r"unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
_OF_PEOPLE = re.compile(
    r"index|idx|#|no\.?|nr\.?|u?id|uuid|guid|.*[ _-]id|row([ _-]?(id|no|nr|num|number|index))?", re.IGNORECASE
)
_CAMEL_CASE = re.compile(r".*[a-z](ID|Id)")
_FEWEST_ROWS = 20
"""In a shorter table a column may hold the numbers 1 to n once each by chance."""


def counts_the_rows(values: NDArray[np.generic]) -> bool:
    """Whether numbers, shape (rows,), are consecutive whole ones: up, down, or many in any order."""
    rows = len(values)
    if rows < 3 or not np.isfinite(values).all():
        return False
    whole = bool(values[0] == np.round(values[0]))
    with np.errstate(over="ignore"):  # numbers so far apart count nothing
        steps = np.diff(values.astype(np.float64))
        if bool((steps == 1).all() or (steps == -1).all()):
            return whole
        if rows < _FEWEST_ROWS or values.max() - values.min() != rows - 1:
            return False
    return whole and bool((np.diff(np.sort(values)) == 1).all())


def is_index_of_a_program(name: str) -> bool:
    """Whether a name is one that pandas gives to an index when it is written to a file."""
    return _OF_PROGRAMS.fullmatch(name) is not None


def is_name_of_an_index(name: str) -> bool:
    """Whether a column tells rows apart by its name, if all values differ: ``id``, ``row``, ``PatientID``."""
    return _OF_PEOPLE.fullmatch(name) is not None or _CAMEL_CASE.fullmatch(name) is not None
