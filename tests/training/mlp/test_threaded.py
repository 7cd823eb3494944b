"""A population on several threads is the same population."""

from typing import Any

import numpy as np
import pytest

from rlflood.training import Machine, PopulationTrainer, Task, ThreadedPopulation, make_population

TASKS = [
    Task(data=name, hidden=(8, 8), train_size=20, val_size=15, test_size=25, batch_size=7, label_noise=0.2)
    for name in ("two-gaussians", "sinusoid", "blobs", "spiral", "two-gaussians")
]
SEEDS = [3, 1, 4, 1, 5]
LEVELS = np.array([0.0, 0.1, 0.4, 0.2, 0.3])


def made(threads: int, **options: Any) -> PopulationTrainer | ThreadedPopulation:
    return make_population(TASKS, SEEDS, SEEDS[::-1], machine=Machine(threads=threads), **options)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_change_nothing_but_rounding(threads: int) -> None:
    one, many = made(1, keep_best=True), made(threads, keep_best=True)
    for _ in range(6):
        expected, found = one.run_epoch(LEVELS), many.run_epoch(LEVELS)
        for name in ("train_loss", "train_acc", "val_loss", "val_acc"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-6)
    for moment in ("last", "best"):
        np.testing.assert_allclose(
            many.evaluate("test", moment).accuracy, one.evaluate("test", moment).accuracy
        )
    np.testing.assert_array_equal(many.classes, one.classes)
    assert many.epoch == one.epoch == 6
    assert many.replicas == 5


def test_a_replica_is_found_on_its_thread() -> None:
    one, many = made(1), made(2)
    for replica in range(5):
        for own, other in zip(
            one.module(replica).parameters(), many.module(replica).parameters(), strict=True
        ):
            np.testing.assert_array_equal(own.detach(), other.detach())


def test_resuming_gives_the_same_epochs() -> None:
    stopped = made(2)
    stopped.run_epoch(LEVELS)
    resumed = made(2)
    resumed.load_state_dict(stopped.state_dict())
    np.testing.assert_array_equal(resumed.run_epoch(LEVELS).val_loss, stopped.run_epoch(LEVELS).val_loss)


def test_there_are_never_more_threads_than_replicas() -> None:
    assert isinstance(make_population(TASKS[:1], [0], [0], machine=Machine(threads=4)), PopulationTrainer)
    with pytest.raises(ValueError, match="threads must be 1 or more"):
        made(0)
