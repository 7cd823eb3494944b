"""The loop against a trainer driven by hand, and stacks of any size."""

import numpy as np
import pytest

from rlflood.experiments.runs import stacks
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ConstantFlood, ReplayFlood, TrackingFlood
from rlflood.training import PopulationTrainer


def test_a_run_is_what_a_trainer_driven_by_hand_gives(setting):
    runs = run_schedule(setting, lambda numbers: TrackingFlood())
    for repeat in range(setting.repeats):
        trainer = PopulationTrainer(
            [setting.task], [setting.data_seeds[repeat]], [setting.network_seeds[repeat]], keep_best=True
        )
        best, level = np.inf, 0.0
        for epoch in range(setting.task.epochs):
            assert runs.levels[repeat, epoch] == pytest.approx(level, rel=1e-4)
            metrics = trainer.run_epoch(level)
            best = min(best, metrics.val_loss[0])
            level = 0.7 * best
            assert runs.val_loss[repeat, epoch] == pytest.approx(metrics.val_loss[0], rel=1e-4)
            assert runs.train_loss[repeat, epoch] == pytest.approx(metrics.train_loss[0], rel=1e-4)
        assert runs.test_acc_last[repeat] == pytest.approx(trainer.evaluate("test").clean_accuracy[0])
        assert runs.noisy_test_acc_best[repeat] == pytest.approx(trainer.evaluate("test", "best").accuracy[0])


@pytest.mark.parametrize(("replicas", "parameters"), [(1, 10**9), (4, 10**9), (64, 1), (64, 700)])
def test_the_size_of_a_stack_changes_nothing_but_memory(setting, monkeypatch, replicas, parameters):
    levels = np.array([0.0, 0.2, 0.4])
    made = []

    def make(numbers):
        made.append(len(numbers))
        return ConstantFlood(levels[numbers % 3])

    whole = run_schedule(setting, make, runs_per_repeat=3)
    assert made == [9]
    monkeypatch.setattr(stacks, "MOST_REPLICAS", replicas)
    monkeypatch.setattr(stacks, "MOST_PARAMETERS", parameters)
    done = []
    parts = run_schedule(setting, make, runs_per_repeat=3, on_progress=lambda *told: done.append(told))
    assert len(made) > 2 and sum(made) == 18
    np.testing.assert_array_equal(parts.levels, whole.levels)
    np.testing.assert_allclose(parts.val_loss, whole.val_loss, rtol=1e-4)
    np.testing.assert_allclose(parts.test_acc_last, whole.test_acc_last, atol=0.02)
    # every epoch of every network is counted once
    assert done[-1] == (9 * setting.task.epochs,) * 2
    assert sorted(done) == done


def test_the_level_of_each_epoch_is_written_down_as_it_was_used(setting):
    schedule = np.linspace(0, 0.5, setting.task.epochs)
    runs = run_schedule(setting, lambda numbers: ReplayFlood(schedule))
    np.testing.assert_array_equal(runs.levels, np.tile(schedule, (setting.repeats, 1)))
