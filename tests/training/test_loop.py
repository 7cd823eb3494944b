"""The one loop over epochs, against a loop by hand; and that there is no other."""

import ast
from pathlib import Path

import numpy as np
import pytest

import rlflood
from rlflood.schedulers import TrackingFlood
from rlflood.training import GivenLevels, Task, make_population, run

TASK = Task(data="wine", hidden=(8,), epochs=6, train_size=30, val_size=30, learning_rate=0.03)
PACKAGE = Path(rlflood.__file__).parent


def trainer():
    return make_population([TASK] * 2, [0, 1], [2, 3])


def test_each_epoch_is_trained_at_the_present_level_and_reported():
    by_hand, scheduler = trainer(), TrackingFlood(replicas=2)
    expected = []
    for _ in range(6):
        level = scheduler.level
        metrics = by_hand.run_epoch(level)
        scheduler.step(metrics)
        expected.append((level, metrics.val_loss))
    epochs = list(run(trainer(), TrackingFlood(replicas=2), epochs=6))
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    for epoch, (level, val_loss) in zip(epochs, expected, strict=True):
        np.testing.assert_array_equal(epoch.levels, level)
        np.testing.assert_array_equal(epoch.metrics.val_loss, val_loss)


def test_it_goes_on_where_the_trainer_is_and_ends_where_it_is_left():
    one, scheduler = trainer(), TrackingFlood()
    for epoch in run(one, scheduler, epochs=6):
        if epoch.number == 2:
            break
    assert one.epoch == scheduler.epoch == 2
    assert [epoch.number for epoch in run(one, scheduler, epochs=4)] == [3, 4]
    assert list(run(one, scheduler, epochs=4)) == []


def test_levels_may_be_set_between_the_epochs():
    given = GivenLevels(0.0)
    seen = []
    for epoch in run(trainer(), given, epochs=3):
        seen.append(epoch.levels.tolist())
        given.level = np.array([0.1, 0.2]) * epoch.number
    assert seen == [[0, 0], [0.1, 0.2], [0.2, pytest.approx(0.4)]]


def test_no_epoch_is_trained_elsewhere():
    """Trainers ask their parts; everything else goes through the loop."""
    calls = [
        f"{path.relative_to(PACKAGE).as_posix()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "run_epoch"
    ]
    assert calls == ["training/images/module_population.py", "training/loop.py", "training/mlp/threaded.py"]
