"""A level on the running mean against loops in NumPy and Python."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlflood.flooding import flood
from rlflood.held_level import HeldLevel
from rlflood.holding import Hold

LOSSES = st.floats(0, 100, width=32) | st.sampled_from([math.nan, math.inf])
HOLDS = st.builds(Hold, batches=st.floats(1, 30), ascent=st.floats(0.05, 2))
CPU = torch.device("cpu")


def means(losses: list[float], batches: float) -> list[float]:
    """The running mean after each loss, by its definition."""
    mean, count, found = 0.0, 0, []
    for loss in losses:
        if math.isfinite(loss):
            count += 1
            mean += (loss - mean) / min(count, batches)
        found.append(mean)
    return found


def gradient(held: HeldLevel, loss: float, level: float, **options: Any) -> float:
    at = torch.tensor(loss, requires_grad=True)
    held(at, level, **options).backward()
    assert at.grad is not None
    return at.grad.item()


@given(st.lists(st.floats(0, 100, width=32), min_size=1), st.floats(0, 100))
def test_each_batch_by_itself_is_flood_bit_for_bit(losses: list[float], level: float) -> None:
    held = HeldLevel(Hold(), (), CPU)
    for loss in losses:
        assert held(torch.tensor(loss), level).equal(flood(torch.tensor(loss), level))
        assert gradient(held, loss, level) == np.sign(np.float32(loss) - np.float32(level))


@given(st.lists(LOSSES, min_size=1, max_size=40), HOLDS)
def test_the_mean_is_that_of_a_loop_and_what_is_not_finite_is_passed_over(
    losses: list[float], hold: Hold
) -> None:
    held = HeldLevel(hold, (), CPU)
    found = [held.take(torch.tensor(loss)).item() for loss in losses]
    np.testing.assert_allclose(found, means(losses, hold.batches), rtol=1e-4, atol=1e-4)


@given(st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=20), HOLDS)
def test_replicas_have_a_mean_each(losses: list[tuple[float, float]], hold: Hold) -> None:
    together, alone = HeldLevel(hold, (2,), CPU), [HeldLevel(hold, (), CPU) for _ in range(2)]
    for pair in losses:
        mean = together.take(torch.tensor(pair))
        for replica, loss in enumerate(pair):
            assert mean[replica] == alone[replica].take(torch.tensor(loss))


def test_the_mean_says_the_side_and_ascents_weigh_what_they_are_given() -> None:
    held = HeldLevel(Hold(batches=4, ascent=0.25), (), CPU)
    assert gradient(held, 1.0, 0.5) == 1
    assert gradient(held, 0.4, 0.5) == 1, "the mean is 0.7"
    assert gradient(held, 0.0, 0.5) == -0.25, "the mean is 1.4 / 3"
    assert gradient(held, 0.5, 0.5) == -0.25, "the mean is 0.475, which a batch at the level does not change"
    assert held(torch.tensor(2.0), 1.0).item() == pytest.approx(1 - 0.25), "by a mean of 0.86"
    assert gradient(HeldLevel(Hold(ascent=0.25), (), CPU), 0.1, 0.5) == -0.25
    assert gradient(HeldLevel(Hold(ascent=0.25), (), CPU), 0.9, 0.5) == 1


def test_parts_go_by_the_steps_before_and_are_taken_in_together() -> None:
    held = HeldLevel(Hold(batches=4, ascent=0.5), (), CPU)
    assert [gradient(held, loss, 0.5, parts=2) for loss in (0.1, 0.7)] == [1, 1], "none is complete"
    assert held.mean.item() == pytest.approx(0.4) and held.count.item() == 1
    assert [gradient(held, loss, 0.5, parts=2) for loss in (0.9, 0.9)] == [-0.5, -0.5]
    assert held.mean.item() == pytest.approx(0.65)
    # a step with a part that is not finite is passed over whole, as a GradScaler does
    assert [gradient(held, loss, 0.5, parts=3) for loss in (0.1, math.nan, 0.1)] == [1, 1, 1]
    assert held.mean.item() == pytest.approx(0.65) and held.count.item() == 2


@given(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=30), st.integers(2, 4), HOLDS)
def test_parts_make_the_mean_of_whole_steps(losses: list[float], parts: int, hold: Hold) -> None:
    held, sides = HeldLevel(hold, (), CPU), []
    for loss in losses:
        sides.append(held.take_part(torch.tensor(loss), parts).item())
    whole = [np.mean(losses[i : i + parts]) for i in range(0, len(losses) - parts + 1, parts)]
    expected = [math.inf, *means(whole, hold.batches)]
    np.testing.assert_allclose(sides, np.repeat(expected, parts)[: len(sides)], rtol=1e-4, atol=1e-4)
    held.drop_parts()
    for loss in (1.0, 2.0, 3.0, 4.0)[:parts]:
        before = held.take_part(torch.tensor(loss), parts)
    assert before.item() == pytest.approx(expected[-1], rel=1e-4, abs=1e-4), "the same for all of them"


def test_it_forgets_where_it_is_told_to() -> None:
    held = HeldLevel(Hold(batches=10), (2,), CPU)
    held.take(torch.tensor([5.0, 5.0]))
    held.forget(torch.tensor([True, False]))
    assert held.take(torch.tensor([1.0, 1.0])).tolist() == [1, 3]
    held.forget()
    assert held.take(torch.tensor([2.0, 2.0])).tolist() == [2, 2]


def test_its_tensors_stay_where_they_are() -> None:
    held, other = HeldLevel(Hold(batches=10), (), CPU), HeldLevel(Hold(batches=10), (), CPU)
    places = held.mean.data_ptr(), held.count.data_ptr()
    other.take(torch.tensor(3.0))
    held.take(torch.tensor(1.0))
    held.forget()
    held.load_state_dict(other.state_dict())
    assert (held.mean.data_ptr(), held.count.data_ptr()) == places
    assert held.take(torch.tensor(4.0)).item() == 3.5
