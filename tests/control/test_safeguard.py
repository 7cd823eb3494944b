"""A network that is carried far beyond a level is steered by a rule instead of a policy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.control import LevelSet
from rlflood.control.control import Control
from rlflood.control.safeguard import Overshoot
from rlflood.control.spec import ControlSpec
from rlflood.metrics import Metrics
from rlflood.schedulers import RewindFlood

Course = list[tuple[float, float]]


def see(*epochs: tuple[float, float], before: float = 0.0, overshoot: Overshoot | None = None) -> Overshoot:
    """Epochs of a train loss and a level, after one at the level ``before``."""
    overshoot = overshoot or Overshoot()
    for train_loss, level in epochs:
        overshoot.update(*(np.array([value]) for value in (train_loss, before, level)))
        before = level
    return overshoot


def test_the_ratio_is_that_of_the_highest_train_loss_to_the_level_that_it_rose_to() -> None:
    # under 0.2 in the first epoch, over it in the second, higher still in the third, and back
    course = [(0.1, 0.2), (0.22, 0.2), (0.25, 0.2), (0.19, 0.2), (0.21, 0.2)]
    ratios = [see(*course[:epochs]).ratio[0] for epochs in range(6)]
    assert ratios == pytest.approx([0, 0, 1.1, 1.25, 1.25, 1.25])
    assert not see(course[0]).known[0]
    assert see(*course).known[0] and not see(*course).far[0]
    assert see(*course, (0.27, 0.2)).far[0]


def test_what_is_above_a_level_without_having_risen_to_it_shows_nothing() -> None:
    assert not see((0.9, 0.0), (0.8, 0.2), (0.9, 0.2), (1.5, 0.2)).known[0]  # it was never below
    assert not see((0.1, 0.0), (1.5, 0.0)).known[0]  # no level
    # from 0.4 down to 0.1 below its feet: still the way up to 0.4
    assert see((0.3, 0.4), (0.44, 0.4), (0.43, 0.1), (0.3, 0.1)).ratio == pytest.approx(1.1)
    assert not see((0.3, 0.4), (0.35, 0.1), (0.3, 0.1)).known[0]


def test_a_level_that_rises_on_the_way_up_is_the_one_to_measure_by() -> None:
    assert see((0.1, 0.2), (0.21, 0.4), (0.44, 0.4), (0.5, 0.4)).ratio == pytest.approx(1.25)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.01, 0.3, 0.8, 2.0, math.nan, math.inf, -0.1]), st.sampled_from([0.0, 0.2, 0.5])
        ),
        max_size=12,
    )
)
def test_the_ratio_only_ever_rises_and_is_above_1_once_known(epochs: Course) -> None:
    overshoot, last, before = Overshoot(), 0.0, 0.0
    for epoch in epochs:
        see(epoch, before=before, overshoot=overshoot)
        before, ratio = epoch[1], float(overshoot.ratio[0])
        assert ratio >= last and (ratio == 0 or ratio > 1)
        last = ratio


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    course = [(0.1, 0.2), (0.22, 0.2), (0.25, 0.3), (0.36, 0.3)]
    for stop in range(5):
        first, second = see(*course[:stop]), Overshoot()
        second.load_state_dict(first.state_dict())
        before = course[stop - 1][1] if stop else 0.0
        assert see(*course[stop:], before=before, overshoot=second).ratio == see(*course).ratio


def run(unit: str, value: float, course: Course) -> tuple[list[float], list[bool]]:
    """A policy that always asks for the same: after each epoch the level, and whether the rule has it."""
    spec = ControlSpec("turning-point", LevelSet((0.0, value), unit), decisions=1)  # type: ignore[arg-type]
    control = Control(spec, epochs=10, classes=2)
    control.act(np.array([1]))
    levels, left = [], []
    for train_loss, val_loss in course:
        control.update(Metrics(train_loss, 0.5, val_loss, 0.5), control.level)
        levels.append(float(control.level[0]))
        left.append(bool(control.left_to_rule[0]))
    return levels, left


TURN: Course = [(0.7, 0.6), (0.4, 0.9)]
"""Best in the first epoch, whose train loss the second shows; turned in the second."""


def test_a_policy_may_send_a_network_higher_once_it_has_come_up_gently() -> None:
    course = [*TURN, (0.3, 1.0), (0.35, 1.0), (0.36, 1.0)]  # 0.36 is beyond 0.32 by an eighth
    assert run("turning-point", 1.2, course)[0] == pytest.approx([0, 0.32, 0.32, 0.48, 0.48])
    assert run("turning-point", 0.6, course)[0] == pytest.approx([0, *[0.24] * 4])  # it asks for less


def test_the_rule_takes_over_a_network_that_is_carried_too_far() -> None:
    course = [*TURN, (0.3, 1.0), (0.35, 1.0), (0.36, 1.0), (0.7, 1.0), (0.3, 1.0), (0.3, 1.0), (0.3, 1.0)]
    rule = RewindFlood(epochs=10)
    expected = [rule.step(Metrics(train_loss, 0.5, val_loss, 0.5)) for train_loss, val_loss in course]
    expected[3:5] = [0.48, 0.48]  # 0.7 is beyond 0.48 by almost a half
    expected[8:] = [0.3]  # in the last epoch no level is above the train loss
    levels, left = run("turning-point", 1.2, course)
    assert levels == pytest.approx(expected)
    assert left == [False] * 5 + [True] * 4
    assert expected[1] == expected[5] == pytest.approx(0.32)


def test_levels_in_other_units_are_the_policy_s_alone() -> None:
    course = [*TURN, (0.1, 1.0), (1.5, 1.0), (0.3, 1.0)]
    levels, left = run("absolute", 0.4, course)
    assert levels == pytest.approx([0.4] * 5)
    assert not any(left)
