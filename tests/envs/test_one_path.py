"""A controller meets in a user's loop exactly what it met in the environment, and sets the same levels."""

import json
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from gymnasium.utils import seeding

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import OBSERVATIONS
from rlflood.control.shipped import shipped_controllers
from rlflood.envs import FloodVectorEnv
from rlflood.envs.episode import Draw
from rlflood.holding import Hold
from rlflood.schedulers import PolicyScheduler
from rlflood.training import PopulationTrainer
from rlflood.training.averaging import average_steps

REPLICAS, EPOCHS, SEED = 4, 17, 5
LEVELS = {
    "relative": LevelSet((0.0, 0.3, 0.6, 0.9), "relative"),
    "absolute": LevelSet((0.0, 0.2, 0.4, 0.8)),
    "turning-point": LevelSet((0.0, 0.6, 0.9, 1.3), "turning-point"),
    "guessing": LevelSet((0.0, 0.2, 0.5, 0.8), "guessing"),
}


def controller(levels, observation, decisions, seed=0, **spec):
    rng = np.random.default_rng(seed)
    joined = ControlSpec(observation, levels, decisions, **spec)
    sizes = (len(joined.features), 16, joined.actions)
    layers = [
        (2 * rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(joined, layers)


@pytest.fixture
def long_runs(same_shape):
    same_shape.tasks = tuple(task.model_copy(update={"epochs": EPOCHS}) for task in same_shape.tasks)
    return same_shape


@pytest.fixture
def runs_that_turn(same_shape):
    """Long enough, and noisy enough, to turn, to be held, to be thrown beyond a level and to be let go."""
    longer = {"epochs": 60, "label_noise": 0.3, "hidden": (64, 64, 64), "learning_rate": 0.02}
    same_shape.tasks = tuple(task.model_copy(update=longer) for task in same_shape.tasks)
    return same_shape


def in_an_environment(monkeypatch, tasks, chosen, **keywords):
    """The levels of every epoch, shape ``(epochs, replicas)``, and the last infos."""
    applied = []
    run_epoch = PopulationTrainer.run_epoch
    monkeypatch.setattr(
        PopulationTrainer,
        "run_epoch",
        lambda self, levels, strengths: applied.append(levels) or run_epoch(self, levels, strengths),
    )
    spec = chosen.spec
    own = {field.name for field in fields(spec)} - {"safeguard", "criterion"}
    env = FloodVectorEnv(
        REPLICAS,
        tasks=tasks,
        **keywords,
        **{name: getattr(spec, name) for name in own},
    )
    observations, _ = env.reset(seed=SEED)
    ended = np.zeros(REPLICAS, bool)
    while not ended.any():
        observations, _, ended, _, infos = env.step(chosen.act(observations)[0])
    assert ended.all()
    monkeypatch.undo()
    return np.array(applied), infos


def drawn(tasks):
    """The tasks of the environment's replicas, their data seeds and their network seeds."""
    draws = [Draw.from_rng(tasks, seeding.np_random(SEED + i)[0]) for i in range(REPLICAS)]
    return zip(*((d.task, d.data_seed, d.network_seed) for d in draws), strict=True)


def of_replica(metrics, i):
    return {field.name: float(getattr(metrics, field.name)[i]) for field in fields(metrics)}


@pytest.mark.parametrize("decisions", [1, 5, 40])
@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("unit", ["relative", "absolute", "guessing"])
def test_environment_stack_and_single_run_get_the_same_levels(
    monkeypatch, long_runs, unit, observation, decisions
):
    if observation == "training" and unit == "relative":
        pytest.skip("it goes by no validation")
    chosen = controller(LEVELS[unit], observation, decisions)
    in_environment, infos = in_an_environment(monkeypatch, long_runs, chosen)
    assert in_environment.shape == (EPOCHS, REPLICAS)
    tasks, *seeds = drawn(long_runs)

    # a stack in one's own loop: the same numbers, bit for bit
    trainer = PopulationTrainer(tasks, *seeds)
    scheduler = PolicyScheduler(chosen, epochs=EPOCHS, classes=trainer.classes)
    for epoch in range(EPOCHS):
        np.testing.assert_array_equal(scheduler.level, in_environment[epoch])
        scheduler.step(trainer.run_epoch(scheduler.level))
    np.testing.assert_array_equal(trainer.evaluate("test").loss, infos["test_loss"])

    # one network with plain floats: the same decisions, up to the rounding of a network alone
    for i in range(REPLICAS):
        trainer = PopulationTrainer([tasks[i]], [seeds[0][i]], [seeds[1][i]])
        scheduler = PolicyScheduler(chosen, epochs=EPOCHS, classes=int(trainer.classes[0]))
        for epoch in range(EPOCHS):
            assert isinstance(scheduler.level, float)
            assert scheduler.level == pytest.approx(in_environment[epoch, i], rel=1e-3, abs=1e-6)
            scheduler.step(**of_replica(trainer.run_epoch(scheduler.level), 0))


@pytest.mark.parametrize("unit", ["absolute", "guessing"])
def test_without_validation_and_on_all_labels_the_levels_are_the_same_everywhere(
    monkeypatch, runs_that_turn, unit
):
    """A loop of one's own that reports train loss and train accuracy alone, on all labels."""
    runs_that_turn.tasks = tuple(task.model_copy(update={"joined": True}) for task in runs_that_turn.tasks)
    chosen = controller(LEVELS[unit], "training", 12, 2, hold=Hold(4, 0.25), average=True)
    in_environment, _ = in_an_environment(monkeypatch, runs_that_turn, chosen, reward="held-out")
    assert len(np.unique(in_environment)) > 2
    tasks, *seeds = drawn(runs_that_turn)
    trainer = PopulationTrainer(tasks, *seeds, average=average_steps(tasks[0]), hold=chosen.spec.hold)
    scheduler = PolicyScheduler(chosen, epochs=len(in_environment), classes=trainer.classes)
    for levels in in_environment:
        np.testing.assert_array_equal(scheduler.level, levels)
        trainer.begin_average(np.broadcast_to(scheduler.begins, REPLICAS))
        metrics = trainer.run_epoch(scheduler.level)
        scheduler.step(train_loss=metrics.train_loss, train_acc=metrics.train_acc)


def turning_point_controllers():
    """The shipped one, and random ones that hold runs at whatever they choose."""
    yield Controller.load(shipped_controllers()["default"])
    for seed in (0, 1):
        yield controller(LEVELS["turning-point"], "turning-point", 12, seed)


@pytest.mark.parametrize("chosen", list(turning_point_controllers()), ids=["default", "random", "another"])
def test_levels_by_the_turn_and_their_fall_backs_are_the_same_everywhere(monkeypatch, runs_that_turn, chosen):
    in_environment, infos = in_an_environment(monkeypatch, runs_that_turn, chosen)
    epochs = len(in_environment)
    tasks, *seeds = drawn(runs_that_turn)

    trainer = PopulationTrainer(tasks, *seeds)
    straight, resumed = (PolicyScheduler(chosen, epochs=epochs, classes=trainer.classes) for _ in range(2))
    alone = [PolicyScheduler(chosen, epochs=epochs, classes=int(classes)) for classes in trainer.classes]
    for epoch in range(epochs):
        np.testing.assert_array_equal(straight.level, in_environment[epoch])
        np.testing.assert_array_equal(resumed.level, in_environment[epoch])
        # told the same, floats give bit for bit the levels of a stack
        assert [scheduler.level for scheduler in alone] == in_environment[epoch].tolist()
        metrics = trainer.run_epoch(straight.level)
        straight.step(metrics)
        state = json.loads(json.dumps(resumed.state_dict()))
        resumed = PolicyScheduler(chosen, epochs=epochs, classes=trainer.classes)
        resumed.load_state_dict(state)
        resumed.step(metrics)
        for i, scheduler in enumerate(alone):
            scheduler.step(**of_replica(metrics, i))
    np.testing.assert_array_equal(trainer.evaluate("test").loss, infos["test_loss"])
    assert (in_environment > 0).any(), "some are held"
    np.testing.assert_array_equal(straight.left_to_rule, [scheduler.left_to_rule[0] for scheduler in alone])


def test_each_fall_back_comes_into_play(monkeypatch, runs_that_turn):
    """What the test above is worth: some of its runs are left to the rule, some kept from a way up."""
    chosen = controller(LEVELS["turning-point"], "turning-point", 12, 0)
    in_environment, _ = in_an_environment(monkeypatch, runs_that_turn, chosen)
    tasks, *seeds = drawn(runs_that_turn)
    trainer = PopulationTrainer(tasks, *seeds)
    scheduler = PolicyScheduler(chosen, epochs=len(in_environment), classes=trainer.classes)
    bare = []
    for levels in in_environment:
        control = scheduler.control
        turn = control.observer.turning_point
        bare.append(
            chosen.spec.levels.levels(control.actions, turn.best_val_loss, turn.train_loss, np.ones(1))
        )
        scheduler.step(trainer.run_epoch(levels))
    bare = np.array([np.broadcast_to(row, REPLICAS) for row in bare])
    assert (in_environment < bare).any(), "a level was capped"
    assert scheduler.left_to_rule.any() and not scheduler.left_to_rule.all(), "some were left to the rule"


def test_the_controllers_of_these_tests_do_decide(long_runs):
    chosen = controller(LEVELS["absolute"], "extended", 40)
    env = FloodVectorEnv(
        REPLICAS, tasks=long_runs, levels=LEVELS["absolute"], observation="extended", decisions=40
    )
    observations, _ = env.reset(seed=SEED)
    taken = []
    for _ in range(EPOCHS):
        taken.append(chosen.act(observations)[0])
        observations, *_ = env.step(taken[-1])
    assert len(np.unique(taken)) > 1
    assert len(np.unique(taken, axis=0)) > 1
    assert len(np.unique(taken, axis=1)) > 1


def test_on_a_running_mean_with_returns_and_an_average_too(monkeypatch, runs_that_turn):
    """The levels, where it returns and where averages begin: the same in one's own loop over the trainer."""
    joined = {"hold": Hold(4, 0.25), "turn": "accuracy", "returning": True, "average": True}
    chosen = controller(LEVELS["turning-point"], "turning-point", 12, 3, **joined)
    in_environment, infos = in_an_environment(monkeypatch, runs_that_turn, chosen)
    tasks, *seeds = drawn(runs_that_turn)
    trainer = PopulationTrainer(
        tasks, *seeds, keep_best=True, average=average_steps(tasks[0]), hold=chosen.spec.hold
    )
    scheduler = PolicyScheduler(chosen, epochs=len(in_environment), classes=trainer.classes)
    returned = 0
    for levels in in_environment:
        np.testing.assert_array_equal(scheduler.level, levels)
        back = np.broadcast_to(scheduler.returns, REPLICAS)
        returned += back.sum()
        trainer.return_to_best(back)
        trainer.begin_average(np.broadcast_to(scheduler.begins, REPLICAS))
        scheduler.step(trainer.run_epoch(scheduler.level))
    np.testing.assert_array_equal(trainer.evaluate("test", "average").loss, infos["test_loss"])
    assert returned
