"""Where a run begins to walk around its level."""

import numpy as np

from rlflood.control.walk import Walk


def test_it_begins_once_where_the_train_loss_is_below_the_next_level() -> None:
    walk = Walk()
    begun = []
    for train_loss, level in [(0.5, 0.0), (0.3, 0.3), (0.2, 0.3), (0.4, 0.3), (0.2, 0.3)]:
        walk.update(train_loss, level)
        begun.append(bool(walk.begins[0]))
    assert begun == [False, False, True, False, False], "on the level it does not lie below it yet"


def test_replicas_begin_apart_and_a_lost_one_never() -> None:
    walk = Walk()
    walk.update(np.array([0.1, 0.5, np.nan]), np.array([0.2, 0.2, 0.2]))
    np.testing.assert_array_equal(walk.begins, [True, False, False])
    walk.update(np.array([0.1, 0.1, np.nan]), np.array([0.2, 0.2, 0.2]))
    np.testing.assert_array_equal(walk.begins, [False, True, False])


def test_it_goes_on_from_its_state() -> None:
    walk, again = Walk(), Walk()
    walk.update(np.array([0.1, 0.5]), 0.2)
    again.load_state_dict(walk.state_dict())
    for part in (walk, again):
        part.update(np.array([0.1, 0.1]), 0.2)
    np.testing.assert_array_equal(walk.begins, again.begins)
    np.testing.assert_array_equal(walk.begins, [False, True])
