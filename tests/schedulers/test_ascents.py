"""The share of an epoch's batches that went up, by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import rlflood
from rlflood.holding import Hold
from rlflood.schedulers import ConstantFlood, FloodScheduler
from tests.schedulers.test_base import Operations

GOOD: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.7}


def epoch(scheduler: FloodScheduler, *losses: Any, parts: int = 1, **report: Any) -> Any:
    """Those losses, then the end of the epoch; what it says then."""
    for loss in losses:
        scheduler(torch.tensor(loss), parts=parts)
    scheduler.step(**(report or GOOD))
    return scheduler.ascended


def test_each_batch_by_itself() -> None:
    scheduler = ConstantFlood(0.5)
    assert scheduler.ascended is None
    assert epoch(scheduler, 0.9, 0.1, 0.5, 0.4, math.inf) == 2 / 5, "on the level is neither up nor down"
    assert epoch(scheduler, 0.9) == 0, "an epoch begins anew"
    assert epoch(scheduler, 0.1, math.nan) == 1, "a loss that is NaN goes nowhere"
    assert epoch(scheduler) is None
    assert epoch(ConstantFlood(0.0), 0.0, 0.3) == 0, "at level 0 nothing goes up"


def test_until_the_epoch_ends_it_is_that_of_the_last() -> None:
    scheduler = ConstantFlood(0.5)
    epoch(scheduler, 0.9, 0.1)
    scheduler(torch.tensor(0.1))
    assert scheduler.ascended == 1 / 2


def test_on_a_running_mean_its_side_counts_and_not_the_batches() -> None:
    # means 3/4, 1/2, 5/12, 9/16: on the level, the second goes nowhere
    assert epoch(ConstantFlood(0.5, hold=Hold(batches=8)), 0.75, 0.25, 0.25, 1.0) == 1 / 4


def test_parts_of_a_step_are_counted_each() -> None:
    mean = ConstantFlood(0.5, hold=Hold(batches=8))
    # by the steps before: none, then 0.3 for the two of the second step, then 0.6
    assert epoch(mean, 0.2, 0.4, 0.9, 0.9, 0.1, 0.1, parts=2) == 2 / 6
    assert epoch(ConstantFlood(0.5), 0.9, 0.1, 0.1, parts=2) == 2 / 3


def test_replicas_have_a_share_each() -> None:
    scheduler = ConstantFlood([0.5, 0.5, 0.5])
    report = {name: np.full(3, value) for name, value in GOOD.items()}
    found = epoch(scheduler, [0.1, 0.9, math.nan], [0.9, 0.9, math.nan], **report)
    np.testing.assert_array_equal(found, [0.5, 0.0, math.nan])


def test_losses_of_several_types_are_one_epoch() -> None:
    scheduler = ConstantFlood(0.5)
    for kind in (torch.float32, torch.float64, torch.bfloat16):
        scheduler(torch.tensor(0.1, dtype=kind))
    assert epoch(scheduler, 0.9) == 3 / 4


def test_under_a_robust_criterion_the_cross_entropy_counts() -> None:
    scheduler = ConstantFlood(0.5)
    for plain in (0.1, 0.9, 0.9):
        scheduler(torch.tensor(0.2), plain=torch.tensor(plain))
    assert epoch(scheduler) == 1 / 3


def test_a_state_has_no_share_and_a_scheduler_that_loads_one_has_none() -> None:
    run, resumed = (ConstantFlood(0.5) for _ in range(2))
    epoch(run, 0.1)
    epoch(resumed, 0.9)
    resumed(torch.tensor(0.1))
    resumed.load_state_dict(run.state_dict())
    assert resumed.ascended is None
    assert epoch(resumed, 0.9, 0.9, 0.9, 0.1) == 1 / 4


@pytest.mark.parametrize("hold", [Hold(), Hold(batches=4, ascent=0.25)])
@pytest.mark.parametrize("replicas", [None, 2])
def test_a_compiled_function_counts_too(hold: Hold, replicas: int | None) -> None:
    torch.compiler.reset()
    level = 0.5 if replicas is None else [0.5] * replicas
    scheduler, plain = (ConstantFlood(level, hold=hold) for _ in range(2))
    compiled = torch.compile(scheduler.__call__, backend="eager", fullgraph=True)
    report = {name: value if replicas is None else np.full(replicas, value) for name, value in GOOD.items()}
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for loss in torch.rand((6,) if replicas is None else (6, replicas), generator=generator):
            torch.testing.assert_close(compiled(loss), plain(loss))
        for each in (scheduler, plain):
            each.step(**report)
        np.testing.assert_array_equal(scheduler.ascended, plain.ascended)


def test_the_end_of_an_epoch_waits_for_nothing() -> None:
    """The share is fetched when it is asked for."""
    scheduler = ConstantFlood(0.5)
    scheduler(torch.tensor(0.1))
    with Operations() as operations:
        scheduler.step(**GOOD)
    assert not {"_local_scalar_dense", "_to_copy"} & set(operations.names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_graph_counts() -> None:
    scheduler, loss = ConstantFlood(0.5), torch.tensor(0.9, device="cuda")
    scheduler(loss)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        scheduler(loss)
    scheduler.step(**GOOD)
    for value in (0.9, 0.1, 0.1, 0.1):
        loss.fill_(value)
        graph.replay()
    scheduler.step(**GOOD)
    assert scheduler.ascended == 3 / 4


def test_a_controller_counts_as_a_rule_does() -> None:
    scheduler = rlflood.load_controller("default", epochs=4, classes=2)
    assert epoch(scheduler, 0.9, 0.1) == 0, "it begins at level 0"
