"""Records as bytes and back."""

import dataclasses
import pickle

import numpy as np
import pytest

from rlflood.experiments.runs.record import Record
from rlflood.experiments.study.arrays import array_bytes, arrays_from_bytes, record_bytes, record_from_bytes


def same(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if dataclasses.is_dataclass(a):
            same(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


def test_records_come_back_bit_for_bit(records):
    for record in records:
        same(record_from_bytes(record.method, record_bytes(record)), record)


def test_nothing_is_unpickled():
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    content = array_bytes({"a": np.array([Evil()], dtype=object)})
    assert pickle.dumps(0)  # the content above was pickled, as NumPy does with objects
    with pytest.raises(ValueError, match="allow_pickle"):
        arrays_from_bytes(content)


def test_repeats_are_joined_in_their_order(records):
    for record in records:
        pieces = [record.take(slice(0, 1)), record.take(slice(1, 3))]
        same(Record.concat(pieces), record)


def test_searches_of_different_lengths_are_padded_with_nothing(records):
    grid = records[1]
    search = grid.search
    shorter = search.map(lambda values: values[:, :4] if values.ndim == 2 else values)
    few = dataclasses.replace(grid, search=shorter)
    both = Record.concat([few, grid]).search
    repeats = len(grid.levels)
    assert both.values.shape == (2 * repeats, 11)
    assert np.isnan(both.values[:repeats, 4:]).all() and np.isnan(both.test_acc_last[:repeats, 4:]).all()
    assert (both.epochs[:repeats, 4:] == 0).all()
    np.testing.assert_array_equal(both.values[repeats:], search.values)


def test_records_of_two_methods_are_not_joined(records):
    with pytest.raises(ValueError, match="one method"):
        Record.concat([records[0], records[2]])
