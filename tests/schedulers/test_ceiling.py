"""A level that threw a network is not set again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.metrics import Metrics
from rlflood.schedulers.ceiling import Ceiling
from rlflood.schedulers.control import Control, ControlSpec
from rlflood.schedulers.levels import LevelSet

LN2 = math.log(2)
GUESSING = np.array([LN2])


def see(
    ceiling: Ceiling, *epochs: tuple[float, float], before: float = 0.0, turning_loss: float = 0.2
) -> None:
    """Epochs of a train loss and a level, after one at the level ``before``."""
    for train_loss, level in epochs:
        arrays = [np.array([value]) for value in (train_loss, before, level, turning_loss)]
        ceiling.update(*arrays, GUESSING)
        before = level


def highest(ceiling: Ceiling, turning_loss: float = 0.2) -> float:
    return float(ceiling.limit(np.array([9.0]), np.array([turning_loss]))[0])


def test_a_network_thrown_beyond_guessing_bars_the_level_that_threw_it() -> None:
    ceiling = Ceiling()
    see(ceiling, (0.05, 0.24), (0.1, 0.24), (0.8, 0.24))  # under its level, then far above, but not lost
    assert highest(ceiling) == 9.0
    see(ceiling, (0.2, 0.24), (0.84, 0.24))  # more than 1.2 log 2
    assert highest(ceiling) == pytest.approx(0.7 * 0.24)
    assert highest(ceiling, turning_loss=0.1) == pytest.approx(0.7 * 0.12)  # it goes by the turning point


def test_the_next_throw_bars_more_and_what_never_was_under_its_level_bars_nothing() -> None:
    ceiling = Ceiling()
    see(ceiling, (0.1, 0.24), (0.9, 0.16), (0.8, 0.16), (0.75, 0.16))  # one throw, still on its way down
    assert highest(ceiling) == pytest.approx(0.7 * 0.24)
    see(ceiling, (0.1, 0.16), (0.9, 0.1))
    assert highest(ceiling) == pytest.approx(0.7 * 0.16)
    fresh = Ceiling()
    see(fresh, (0.9, 0.0), (0.8, 0.24), (0.9, 0.24), (1.5, 0.24))
    assert highest(fresh) == 9.0


def test_a_level_near_guessing_needs_a_throw_beyond_it() -> None:
    ceiling = Ceiling()
    see(ceiling, (0.7, 0.8), (0.85, 0.8), (0.95, 0.8), turning_loss=0.8)
    assert highest(ceiling, 0.8) == 9.0
    see(ceiling, (0.97, 0.8), before=0.8, turning_loss=0.8)  # more than 1.2 * 0.8
    assert highest(ceiling, 0.8) == pytest.approx(0.56)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.01, 0.3, 0.8, 2.0, math.nan, math.inf]), st.sampled_from([0.0, 0.2, 0.5])
        ),
        max_size=12,
    )
)
def test_it_only_ever_sinks_and_never_raises_a_level(epochs: list[tuple[float, float]]) -> None:
    ceiling, last = Ceiling(), np.inf
    for epoch in epochs:
        see(ceiling, epoch)
        assert ceiling.height[0] <= last
        last = ceiling.height[0]
        for level in (0.0, 0.1, 1.0):
            assert 0 <= ceiling.limit(np.array([level]), np.array([0.2]))[0] <= level


def test_a_run_before_its_turn_has_none() -> None:
    ceiling = Ceiling()
    see(ceiling, (0.1, 0.2), (2.0, 0.2), turning_loss=math.inf)
    assert highest(ceiling) == 9.0


def steered(unit: str, value: float) -> list[float]:
    """The levels of a run that is thrown in its fourth epoch, by a policy that always floods."""
    spec = ControlSpec("turning-point", LevelSet((0.0, value), unit), decisions=1)  # type: ignore[arg-type]
    control = Control(spec, epochs=8, classes=2)
    control.act(np.array([1]))
    levels = []
    for train_loss, val_loss in [(0.7, 0.6), (0.4, 0.9), (0.1, 1.0), (1.5, 1.0), (0.3, 1.0)]:
        control.update(Metrics(train_loss, 0.5, val_loss, 0.5))
        levels.append(float(control.level[0]))
    return levels


def test_a_controller_whose_levels_go_by_the_turn_is_under_it_and_no_other() -> None:
    # the train loss at the turn is 0.4; the level is set from the second epoch on
    assert steered("turning-point", 1.0) == pytest.approx([0, 0.4, 0.4, 0.28, 0.28])
    assert steered("absolute", 0.4) == pytest.approx([0.4] * 5)


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    course = [(0.05, 0.24), (0.9, 0.24), (0.1, 0.16), (0.95, 0.1)]
    whole, first, second = Ceiling(), Ceiling(), Ceiling()
    see(whole, *course)
    see(first, *course[:3])
    second.load_state_dict(first.state_dict())
    see(second, *course[3:], before=course[2][1])
    assert highest(whole) == highest(second) == pytest.approx(0.7 * 0.16)
