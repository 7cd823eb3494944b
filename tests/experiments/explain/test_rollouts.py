"""Runs under a controller: the same as anywhere else, with all that it saw."""

import dataclasses

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import OBSERVATIONS
from rlflood.experiments import Setting
from rlflood.experiments.explain import fresh_tasks, level_rows, notes, roll_out
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.holding import Hold
from rlflood.schedulers import PolicyScheduler
from rlflood.training import Task, make_population
from rlflood.training.distribution import FixedTask

ABSOLUTE = LevelSet((0.0, 0.2, 0.4))
TASK = Task(data="wine", train_size=30, val_size=30, test_size=10, hidden=(8,), epochs=12, learning_rate=0.03)

GUESSING = LevelSet((0.0, 0.3, 0.5, 0.7, 0.9), "guessing")


@pytest.mark.parametrize("memory", [0, 5])
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_the_levels_are_those_of_the_scheduler(random_controller, observation, memory):
    unit = {"levels": GUESSING} if observation == "training" else {}
    seed = 3 if unit else 1
    controller = random_controller(seed, observation=observation, memory=memory, **unit)
    draws = fresh_tasks(FixedTask(TASK), 3, 0, (0.2,))
    found = roll_out(controller, draws, "three runs")
    runs = [row[0] for row in draws]
    setting = Setting(runs[0].task, tuple(r.data_seed for r in runs), tuple(r.network_seed for r in runs))
    expected = run_schedule(setting, lambda _: PolicyScheduler(controller, epochs=12, classes=3))
    np.testing.assert_array_equal(found.levels, expected.levels)
    np.testing.assert_array_equal(found.train_loss, expected.train_loss)
    np.testing.assert_array_equal(found.val_loss, expected.val_loss)
    assert len(np.unique(found.levels)) > (1 if unit else 3)  # relative ones change between decisions, too


def test_a_controller_of_strengths_that_returns_is_watched_as_it_trains(random_controller):
    """Beside a loop of one's own: levels, strengths and returns, and what a return leaves in force."""
    spec = ControlSpec(
        "complete", LevelSet((0.0, 0.4, 0.8), "turning-point"), 12, turn="accuracy", hold=Hold(4, 0.25),
        returning=True, average=True, criterion="elr", strengths=(0.0, 3.0),
    )  # fmt: skip
    rng = np.random.default_rng(4)
    layer = rng.normal(size=(7, len(spec.features))).astype(np.float32), np.zeros(7, np.float32)
    controller = Controller(spec, [layer])
    task = TASK.model_copy(update={"learning_rate": 0.1, "label_noise": 0.4, "epochs": 24, "batch_size": 10})
    draws = fresh_tasks(FixedTask(task), 4, 0, (0.4,))
    found = roll_out(controller, draws, "four runs")

    runs = [row[0] for row in draws]
    tasks = [run.task.model_copy(update={"criterion": "elr"}) for run in runs]
    trainer = make_population(
        tasks, [run.data_seed for run in runs], [run.network_seed for run in runs], keep_best=True,
        hold=spec.hold,
    )  # fmt: skip
    scheduler, returns = PolicyScheduler(controller, epochs=24, classes=trainer.classes), np.zeros(4, int)
    for epoch in range(24):
        levels = np.broadcast_to(scheduler.level, 4)
        np.testing.assert_array_equal(found.levels[:, epoch], levels)
        np.testing.assert_array_equal(found.strengths[:, epoch], scheduler.strength)
        trainer.return_to_best(np.broadcast_to(scheduler.returns, 4))
        returns += scheduler.returns
        scheduler.step(trainer.run_epoch(levels, scheduler.strength))
    assert returns.sum() and found.returns.tolist() == returns.tolist()
    assert len(np.unique(found.strengths)) == 2
    seen = found.decisions
    actions, _ = controller.act(seen.observations)
    returned = spec.is_return(actions)
    assert returned.any()
    before = found.levels_of(seen.present, seen.present)
    np.testing.assert_array_equal(found.levels_of(actions, seen.present)[returned], before[returned])
    told = "\n".join(notes(found))
    assert "then the mean strength of elr." in told
    assert f"put back {returns.mean():.1f} times a run, {returns.max()} times at most" in told
    assert all(", " in cell for cell in level_rows(found)[1][0][1:])


def test_runs_of_a_draw_follow_each_other_at_each_label_noise(random_controller, rolled_out):
    found = rolled_out(random_controller(), 3, (0.0, 0.3))
    assert found.draw.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.label_noise.tolist() == [0, 0.3] * 3
    assert found.levels.shape == found.fractions.shape == found.val_loss.shape == (6, 12)


def test_decisions_are_numbered_and_placed_in_the_run(random_controller, rolled_out):
    found = rolled_out(random_controller(decisions=4), 2, (0.0, 0.3)).decisions
    for run in range(4):
        own = found.run == run
        # 4 decisions of 12 epochs: before epochs 0, 3, 6 and 9
        assert found.number[own].tolist() == [0, 1, 2, 3]
        assert found.third[own].tolist() == [0, 0, 1, 2]
        assert found.observations[own, 0].tolist() == [0, 0.25, 0.5, 0.75]
    assert found.memory is None


@pytest.mark.parametrize("memory", [0, 5])
def test_what_it_would_choose_after_the_rule_took_over_is_not_recorded(random_controller, memory):
    levels = LevelSet((0.0, 0.4, 0.8), "turning-point")
    controller = random_controller(1, observation="turning-point", levels=levels, memory=memory, decisions=10)
    far = TASK.model_copy(
        update={"hidden": (64,) * 4, "learning_rate": 0.02, "epochs": 40, "label_noise": 0.4}
    )
    draws = fresh_tasks(FixedTask(far), 6, 0, (0.4,))
    found = roll_out(controller, draws, "six runs")
    assert found.left_to_rule.any()
    runs = [row[0] for row in draws]
    scheduler = PolicyScheduler(controller, epochs=40, classes=np.full(6, 3))
    own = np.zeros(6, int)
    trainer = make_population(
        [run.task for run in runs], [run.data_seed for run in runs], [run.network_seed for run in runs]
    )
    for epoch in range(40):
        own += (epoch % 4 == 0) & ~scheduler.left_to_rule
        np.testing.assert_array_equal(found.levels[:, epoch], scheduler.level)
        scheduler.step(trainer.run_epoch(np.broadcast_to(scheduler.level, 6)))
    assert np.bincount(found.decisions.run).tolist() == own.tolist()
    assert own.min() < 10
    assert found.left_to_rule.tolist() == scheduler.left_to_rule.tolist()
    assert found.decisions.memory is None or len(found.decisions.memory) == own.sum()
    assert notes(found)[-1].startswith(f"{found.left_to_rule.sum()} of 6 runs were left to the rule")


@pytest.mark.parametrize("memory", [0, 5])
def test_what_was_recorded_makes_the_controller_choose_what_it_chose(random_controller, rolled_out, memory):
    controller = random_controller(2, memory=memory)
    found = rolled_out(controller)
    seen = found.decisions
    actions, _ = controller.act(seen.observations, seen.memory)
    fractions = np.asarray(controller.spec.levels.values)[actions]
    epoch = seen.number * 12 // 4
    np.testing.assert_array_equal(found.fractions[seen.run, epoch], fractions)
    np.testing.assert_array_equal(found.fractions[seen.run, epoch + 2], fractions)
    assert (seen.memory is None) == (memory == 0)
    if memory:
        assert not seen.memory[seen.number == 0].any() and seen.memory[seen.number == 1].all()


@pytest.mark.parametrize("levels", [ABSOLUTE, LevelSet((0.0, 0.2, 0.9), "relative")])
def test_fractions_are_of_the_best_validation_loss_so_far(random_controller, rolled_out, levels):
    found = rolled_out(random_controller(3, levels=levels))
    best = np.minimum.accumulate(found.val_loss, axis=1)[:, :-1]
    np.testing.assert_allclose(found.fractions[:, 1:] * best, found.levels[:, 1:], rtol=1e-12)
    relative = levels.unit == "relative"
    assert np.isnan(found.fractions[:, 0]).all() != relative
    assert found.chosen is (found.fractions if relative else found.levels)
    assert set(found.chosen.ravel()) <= set(levels.values)


def test_runs_of_other_lengths_stand_where_they_stood_at_the_same_share(linear):
    always_half = linear(bias=[0, 1, 0])
    short, long = (TASK.model_copy(update={"epochs": epochs}) for epochs in (6, 12))
    (row,) = fresh_tasks(FixedTask(TASK), 1, 0, (0.0,))
    both = [[dataclasses.replace(row[0], task=task)] for task in (long, short)]
    found = roll_out(always_half, both, "two lengths")
    alone = roll_out(always_half, both[1:], "the short one")
    np.testing.assert_array_equal(found.val_loss[1], np.repeat(alone.val_loss[0], 2))
    thirds = found.decisions.third.reshape(2, 4)
    assert thirds.tolist() == [[0, 0, 1, 2]] * 2


def test_progress_counts_the_epochs_of_all_networks(random_controller, rolled_out):
    heard = []
    rolled_out(random_controller(), 2, on_progress=lambda done, total: heard.append((done, total)))
    assert heard == [(4 * epoch, 48) for epoch in range(1, 13)]


def test_runs_that_diverge_go_on(random_controller, rolled_out):
    found = rolled_out(random_controller(), 2, changes={"optimizer": "sgd", "learning_rate": 1e9})
    assert not np.isfinite(found.train_loss[:, -1]).any()
    assert np.isfinite(found.chosen).all() and np.isfinite(found.decisions.observations).all()
    told = " ".join(notes(found))
    assert f"{len(found.draw)} of {len(found.draw)} runs diverged: their loss was no longer finite" in told
    assert "training and validation labels that are wrong" in told
    fine = " ".join(notes(rolled_out(random_controller(), 2, (0.0,))))
    assert "diverged" not in fine and "wrong" not in fine
