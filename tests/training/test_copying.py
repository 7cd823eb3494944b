"""Replicas that become copies of others, in one stack and across threads."""

import numpy as np
import pytest
import torch

from rlflood.training import Machine, StackedMLP, Task, WaveBound, make_population
from rlflood.training.copying import with_copies

SMALL = Task(
    hidden=(16, 16), train_size=40, val_size=20, test_size=30, batch_size=15, label_noise=0.2, dropout=0.1,
    batch_norm=True,  # hidden widths fill vector registers: no replica is rounded as another is not
)  # fmt: skip
OPTIMIZERS = (
    {"optimizer": "adam"},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "sgd", "learning_rate": 0.05},
)


def states_equal(one: dict, other: dict) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("changes", OPTIMIZERS, ids=str)
def test_a_copy_goes_on_as_its_source_does(changes, threads):
    """Four replicas on the same data and seeds, at four levels; then 0 and 2 become copies of 3."""
    task = SMALL.model_copy(update=changes)
    stack = make_population(
        [task] * 4,
        [1] * 4,
        [5] * 4,
        machine=Machine(threads=threads),
        keep_best=True,
        objective=lambda numbers: WaveBound(0.8),
    )
    for _ in range(5):
        before = stack.run_epoch(np.array([0.0, 0.01, 0.05, 0.6])).train_loss
    assert before[3] not in before[:3]
    untouched = stack.module(1).state_dict()
    stack.copy_replicas(np.array([3, 1, 3, 3]))
    assert stack.epoch == 5
    assert states_equal(stack.module(1).state_dict(), untouched)
    for moment in ("last", "best"):
        loss = stack.evaluate("test", moment).loss
        np.testing.assert_allclose(loss[[0, 2]], loss[[3, 3]], rtol=1e-6)
        assert loss[1] != loss[3]
    for _ in range(4):
        metrics = stack.run_epoch(0.3)
        for values in (metrics.train_loss, metrics.val_loss, metrics.val_acc, stack.levels):
            np.testing.assert_array_equal(values[[0, 2]], values[[3, 3]])
        assert metrics.train_loss[1] != metrics.train_loss[3]
    best = stack.evaluate("val", "best")
    np.testing.assert_array_equal(best.accuracy[[0, 2]], best.accuracy[[3, 3]])


def test_the_source_goes_on_as_if_nothing_had_happened():
    quiet, copied = (make_population([SMALL] * 3, [1, 2, 3], [4, 5, 6], keep_best=True) for _ in range(2))
    for stack in (quiet, copied):
        stack.run_epoch(0.1)
    copied.copy_replicas(np.array([1, 1, 2]))
    for _ in range(3):
        expected, found = quiet.run_epoch(0.1), copied.run_epoch(0.1)
        np.testing.assert_array_equal(found.train_loss[1:], expected.train_loss[1:])
        assert found.train_loss[0] != expected.train_loss[0]


def test_data_and_batch_order_stay():
    """A copy trained on other data or in another order is soon another network."""
    stack = make_population([SMALL] * 3, [1, 2, 1], [4, 4, 5])
    stack.run_epoch(0.1)
    stack.copy_replicas(np.zeros(3, dtype=np.int64))
    assert states_equal(stack.module(1).state_dict(), stack.module(0).state_dict())
    losses = stack.run_epoch(0.1).train_loss
    assert len(set(losses)) == 3


PROBLEMS = (
    {"data": "two-gaussians"},
    {"data": "sinusoid"},
    {"data": "blobs", "data_options": {"classes": 5, "dimensions": 4}},
    {"data": "two-gaussians"},
)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_source_may_be_in_a_stack_with_other_padding(threads):
    """Replicas 0 and 3 have 10 features and 2 classes; beside 3 is one of 5 classes, which pads it."""
    chosen = [SMALL.model_copy(update=problem) for problem in PROBLEMS]
    stack = make_population(
        chosen, [1, 2, 3, 1], [5, 6, 7, 5], machine=Machine(threads=threads), keep_best=True
    )
    for _ in range(3):
        stack.run_epoch(np.array([0.0, 0.1, 0.2, 0.5]))
    stack.copy_replicas(np.array([3, 1, 2, 3]))
    assert states_equal(stack.module(0).state_dict(), stack.module(3).state_dict())
    for _ in range(3):
        losses = stack.run_epoch(0.2).train_loss
        assert losses[0] == pytest.approx(losses[3], rel=1e-4)
    for refused in ([1, 1, 2, 3], [0, 1, 2, 2]):
        with pytest.raises(ValueError, match="as many features and classes"):
            stack.copy_replicas(np.array(refused))
    for refused in ([0, 1, 2], [0, 1, 2, 4], [-1, 1, 2, 3]):
        with pytest.raises(ValueError, match="one source a replica, from 0 to 3"):
            stack.copy_replicas(np.array(refused))


def test_states_are_taken_apart_and_not_changed():
    first = {
        "a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "step": torch.tensor(7.0),
        "lr": 0.1,
        "n": [None, 3],
    }
    second = {"a": torch.tensor([[5.0], [6.0], [7.0]]), "step": torch.tensor(7.0), "lr": 0.1, "n": [None, 3]}
    parts, rows = torch.tensor([1, 0]), torch.tensor([2, 0])
    taken = with_copies([first, second], 0, parts, rows)
    assert taken["a"].tolist() == [[7.0, 0.0], [1.0, 2.0]]
    assert (taken["step"].item(), taken["lr"], taken["n"]) == (7.0, 0.1, [None, 3])
    assert first["a"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_every_tensor_of_a_network_has_an_entry_a_replica():
    network = StackedMLP([3] * 5, [2] * 5, (4,), range(5), batch_norm=True, dropout=0.5)
    assert {len(value) for value in network.state_dict().values()} == {5}
