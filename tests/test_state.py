"""What follows a run can be saved and gone on from, part by part."""

import numpy as np

from rlflood.state import Stateful


class Inner(Stateful):
    _state = ("_best",)

    def __init__(self) -> None:
        self._best = np.zeros(2)


class Outer(Stateful):
    _state = ("epoch", "inner")

    def __init__(self) -> None:
        self.epoch, self.inner, self.length = 0, Inner(), 10


def test_it_is_a_dictionary_of_dictionaries_without_what_does_not_change() -> None:
    outer = Outer()
    outer.epoch = 3
    state = outer.state_dict()
    assert state == {"epoch": 3, "inner": {"best": [0.0, 0.0]}}


def test_neither_saving_nor_loading_shares_an_array() -> None:
    first, second = Outer(), Outer()
    state = first.state_dict()
    first.inner._best += 1
    second.load_state_dict(state)
    second.inner._best += 2
    assert state["inner"]["best"] == [0.0, 0.0]
    np.testing.assert_array_equal(second.inner._best, np.full(2, 2.0))


def test_a_part_stays_the_same_object() -> None:
    outer = Outer()
    inner = outer.inner
    outer.load_state_dict(Outer().state_dict())
    assert outer.inner is inner
