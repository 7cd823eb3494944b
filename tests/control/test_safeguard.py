"""A network that is carried far beyond a level is steered by a rule instead of a policy."""

import math

import numpy as np
import pytest

from rlflood.control import LevelSet
from rlflood.control.control import Control
from rlflood.control.safeguard import Safeguard
from rlflood.control.spec import ControlSpec
from rlflood.errors import InputError
from rlflood.metrics import Metrics
from rlflood.schedulers import RewindFlood

Course = list[tuple[float, float]]


SHIPPED = Safeguard()


def run(
    unit: str, value: float, course: Course, safeguard: Safeguard = SHIPPED
) -> tuple[list[float], list[bool]]:
    """A policy that always asks for the same: after each epoch the level, and whether the rule has it."""
    spec = ControlSpec("turning-point", LevelSet((0.0, value), unit), 1, safeguard)  # type: ignore[arg-type]
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


def test_its_numbers_decide() -> None:
    course = [*TURN, (0.3, 1.0), (0.35, 1.0), (0.36, 1.0), (0.7, 1.0), (0.3, 1.0), (0.3, 1.0), (0.3, 1.0)]
    left = run("turning-point", 1.2, course, Safeguard(overshoot=1.5))[1]
    assert not any(left)  # 0.7 is less than 1.5 times 0.48
    assert run("turning-point", 1.2, course, Safeguard(fraction=0.5))[0][1] == pytest.approx(0.2)
    # the loss rises by a half, and that is no turn
    assert run("turning-point", 1.2, course[:2], Safeguard(rise=0.6))[0] == [0, 0]
    # held to the end by the rule, but for the last epoch
    held = run("turning-point", 1.2, course, Safeguard(release=0.0))[0]
    assert held[5:8] == pytest.approx([0.32] * 3)


@pytest.mark.parametrize("name", ["rise", "fraction", "release", "overshoot"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_number_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"the safeguard's {name} must be finite and not negative"):
        Safeguard(**{name: value})
