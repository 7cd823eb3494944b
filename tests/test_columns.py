from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from rlflood.columns import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Inner(Columns):
    word: str
    numbers: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Outer(Columns):
    curves: NDArray[np.float64]
    scores: NDArray[np.float64]
    inner: Inner | None = None
    known: bool = True


FOUR = Outer(
    np.arange(12.0).reshape(4, 3), np.arange(4.0), Inner("level", np.array([[0, 1], [2, 3], [4, 5], [6, 7]]))
)


def listed(columns):
    inner = None if columns.inner is None else (columns.inner.word, columns.inner.numbers.tolist())
    return columns.curves.tolist(), columns.scores.tolist(), inner, columns.known


def test_rows_are_taken_in_the_order_given():
    expected = ([[6, 7, 8], [0, 1, 2]], [2, 0], ("level", [[4, 5], [0, 1]]), True)
    assert listed(FOUR.take([2, 0])) == expected
    assert listed(FOUR.take(slice(3, None))) == ([[9, 10, 11]], [3], ("level", [[6, 7]]), True)
    assert listed(FOUR.take(FOUR.scores == 3)) == listed(FOUR.take([3]))


def test_rows_along_two_axes_are_taken_by_one_index_for_each():
    folded = FOUR.reshape(2, 2)
    assert folded.curves.shape == (2, 2, 3) and folded.scores.tolist() == [[0, 1], [2, 3]]
    assert listed(folded.take(([0, 1], [1, 0]))) == listed(FOUR.take([1, 2]))
    assert listed(folded.map(lambda values: values.reshape(4, *values.shape[2:]))) == listed(FOUR)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_parts_are_put_together_in_their_order(cut):
    parts = [FOUR.take(slice(0, cut)), FOUR.take(slice(cut, None))]
    assert listed(Outer.concat(parts)) == listed(FOUR)
    assert listed(Outer.concat(parts[::-1])) == listed(FOUR.take([*range(cut, 4), *range(cut)]))


def test_columns_that_are_not_there_stay_so():
    alone = Outer(FOUR.curves, FOUR.scores, known=False)
    assert listed(Outer.concat([alone, alone]).take([1, 5])) == ([[3, 4, 5]] * 2, [1, 1], None, False)


def test_a_part_of_another_width_is_no_part():
    with pytest.raises(ValueError, match="dimension"):
        Outer.concat([FOUR, Outer(FOUR.curves[:, :2], FOUR.scores, FOUR.inner)])
