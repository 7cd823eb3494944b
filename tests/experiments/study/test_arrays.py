"""Records as bytes and back."""

import dataclasses
import pickle

import numpy as np
import pytest

from rlflood.experiments.runs.record import Record, joined
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


def part(value, rows):
    """Some repeats of a record or of a search."""
    fields = {
        field.name: getattr(value, field.name)[rows]
        for field in dataclasses.fields(value)
        if isinstance(getattr(value, field.name), np.ndarray)
    }
    if isinstance(value, Record) and value.search is not None:
        fields["search"] = part(value.search, rows)
    return dataclasses.replace(value, **fields)


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
        pieces = [part(record, slice(0, 1)), part(record, slice(1, 3))]
        same(joined(pieces), record)


def test_searches_of_different_lengths_are_padded_with_nothing(records):
    grid = records[1]
    search = grid.search
    shorter = {
        field.name: getattr(search, field.name)[:, :4]
        for field in dataclasses.fields(search)
        if getattr(getattr(search, field.name), "ndim", 0) == 2
    }
    few = dataclasses.replace(grid, search=dataclasses.replace(search, **shorter))
    both = joined([few, grid]).search
    repeats = len(grid.levels)
    assert both.values.shape == (2 * repeats, 11)
    assert np.isnan(both.values[:repeats, 4:]).all() and np.isnan(both.test_acc_final[:repeats, 4:]).all()
    assert (both.epochs[:repeats, 4:] == 0).all()
    np.testing.assert_array_equal(both.values[repeats:], search.values)


def test_records_of_two_methods_are_not_joined(records):
    with pytest.raises(ValueError, match="one method"):
        joined([records[0], records[2]])
