"""The sign that the page on loops without PyTorch decides in NumPy, against the scheduler's own."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlflood.holding import Hold
from rlflood.schedulers import ConstantFlood
from tests.docs.pages import ROOT, blocks

LOSSES = st.floats(0, 10, width=32) | st.sampled_from([math.nan, math.inf, 0.5])
HOLDS = st.just(Hold()) | st.builds(Hold, batches=st.floats(1, 30), ascent=st.floats(0.125, 2, width=32))


def side_of_the_page(hold: Hold) -> Any:
    names: dict[str, Any] = {}
    first = next(
        block for block in blocks(ROOT / "docs" / "how-to" / "without-torch.md") if block.kind == "python"
    )
    exec(first.text, names)
    return names["Side"](hold)


def gradient(scheduler: ConstantFlood, loss: float) -> float:
    at = torch.tensor(loss, requires_grad=True)
    scheduler(at).backward()
    assert at.grad is not None
    return at.grad.item()


@given(st.lists(LOSSES, min_size=1, max_size=30), HOLDS, st.floats(0, 8, width=32))
def test_it_is_what_the_gradient_is_multiplied_by(losses: list[float], hold: Hold, level: float) -> None:
    side, scheduler = side_of_the_page(hold), ConstantFlood(level, hold=hold)
    for number, loss in enumerate(losses):
        if number == 15:  # a return
            side.count = 0
            scheduler._batches.end_epoch(True)
        told, known = side(loss, level), gradient(scheduler, loss)
        on_a_mean = hold.batches > 1
        if on_a_mean and abs(side.mean - level) < 1e-4 * max(level, 1):
            continue  # float32 and float64 may differ on it
        if not on_a_mean and not math.isfinite(loss):
            continue  # there is nothing left to train
        assert told == pytest.approx(known)


def test_it_turns() -> None:
    side = side_of_the_page(Hold(4, 0.25))
    assert [side(loss, 0.5) for loss in (1.0, 0.4, 0.0, np.nan, 0.5)] == [1, 1, -0.25, -0.25, -0.25]
