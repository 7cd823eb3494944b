"""A controller meets in a user's loop exactly what it met in the environment, and sets the same levels."""

from itertools import pairwise

import numpy as np
import pytest
from gymnasium.utils import seeding

from rlflood.envs import FloodVectorEnv
from rlflood.envs.episode import Draw
from rlflood.schedulers import Controller, ControlSpec, LevelSet, PolicyScheduler
from rlflood.schedulers.observation import FEATURES
from rlflood.training import PopulationTrainer

REPLICAS, EPOCHS, SEED = 4, 17, 5
LEVELS = {
    "relative": LevelSet((0.0, 0.3, 0.6, 0.9), "relative"),
    "absolute": LevelSet((0.0, 0.2, 0.4, 0.8)),
}


def controller(levels, observation, decisions, seed=0):
    rng = np.random.default_rng(seed)
    sizes = (len(FEATURES[observation]), 16, len(levels))
    layers = [
        (2 * rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(ControlSpec(observation, levels, decisions), layers)


@pytest.fixture
def long_runs(same_shape):
    same_shape.tasks = tuple(task.model_copy(update={"epochs": EPOCHS}) for task in same_shape.tasks)
    return same_shape


@pytest.mark.parametrize("decisions", [1, 5, 40])
@pytest.mark.parametrize("observation", ["metrics", "extended", "turning-point"])
@pytest.mark.parametrize("unit", LEVELS)
def test_environment_stack_and_single_run_get_the_same_levels(
    monkeypatch, long_runs, unit, observation, decisions
):
    chosen = controller(LEVELS[unit], observation, decisions)
    applied = []
    run_epoch = PopulationTrainer.run_epoch
    monkeypatch.setattr(
        PopulationTrainer, "run_epoch", lambda self, levels: applied.append(levels) or run_epoch(self, levels)
    )
    env = FloodVectorEnv(
        REPLICAS, tasks=long_runs, levels=LEVELS[unit], observation=observation, decisions=decisions
    )
    observations, _ = env.reset(seed=SEED)
    ended = np.zeros(REPLICAS, bool)
    while not ended.any():
        observations, _, ended, _, infos = env.step(chosen.act(observations)[0])
    assert ended.all()
    in_environment = np.array(applied)
    assert in_environment.shape == (EPOCHS, REPLICAS)
    monkeypatch.undo()

    draws = [Draw.from_rng(long_runs, seeding.np_random(SEED + i)[0]) for i in range(REPLICAS)]
    tasks, *seeds = zip(*((d.task, d.data_seed, d.network_seed) for d in draws), strict=True)

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
            metrics = trainer.run_epoch(scheduler.level)
            scheduler.step(
                train_loss=metrics.train_loss[0],
                train_acc=metrics.train_acc[0],
                val_loss=metrics.val_loss[0],
                val_acc=metrics.val_acc[0],
            )


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
