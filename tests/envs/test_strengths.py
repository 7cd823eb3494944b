"""Environments whose actions are pairs of a level and a strength: the one path, and what is refused."""

import json
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.envs.episode import Draw
from rlflood.errors import InputError
from rlflood.schedulers import PolicyScheduler
from rlflood.training import PopulationTrainer
from rlflood.training.distribution import Mixture

REPLICAS, EPOCHS, SEED = 4, 12, 5
STRENGTHS = (0.0, 1.0, 3.0, 7.0)
LEVELS = LevelSet((0.0, 0.5, 0.9), "relative")


def controller(returning):
    spec = ControlSpec("extended", LEVELS, 6, returning=returning, criterion="elr", strengths=STRENGTHS)
    rng = np.random.default_rng(2)
    layers = [
        (2 * rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise((len(spec.features), 16, spec.actions))
    ]
    return Controller(spec, layers)


@pytest.fixture
def tasks(same_shape):
    changes = {"epochs": EPOCHS, "criterion": "elr", "batch_size": 10}
    same_shape.tasks = tuple(task.model_copy(update=changes) for task in same_shape.tasks)
    return same_shape


@pytest.mark.parametrize("returning", [False, True])
def test_environment_stack_resumed_and_single_run_get_the_same_levels_and_strengths(
    monkeypatch, tasks, returning
):
    chosen = controller(returning)
    applied = []
    run_epoch = PopulationTrainer.run_epoch
    monkeypatch.setattr(
        PopulationTrainer,
        "run_epoch",
        lambda self, *given: applied.append(given) or run_epoch(self, *given),
    )
    env = FloodVectorEnv(
        REPLICAS, tasks=tasks, levels=LEVELS, observation="extended", decisions=6, returning=returning,
        strengths=STRENGTHS,
    )  # fmt: skip
    assert env.single_action_space.n == 12 + returning
    observations, _ = env.reset(seed=SEED)
    ended = np.zeros(REPLICAS, bool)
    while not ended.any():
        assert env.observation_space.contains(observations)
        observations, _, ended, _, infos = env.step(chosen.act(observations)[0])
    monkeypatch.undo()

    draws = [Draw.from_rng(tasks, seeding.np_random(SEED + i)[0]) for i in range(REPLICAS)]
    own, *seeds = zip(*((d.task, d.data_seed, d.network_seed) for d in draws), strict=True)
    trainer = PopulationTrainer(own, *seeds, keep_best=True)
    straight, resumed = (PolicyScheduler(chosen, epochs=EPOCHS, classes=trainer.classes) for _ in "12")
    alone = [PolicyScheduler(chosen, epochs=EPOCHS, classes=int(classes)) for classes in trainer.classes]
    for levels, strengths in applied:
        for scheduler in (straight, resumed):
            np.testing.assert_array_equal(scheduler.level, levels)
            np.testing.assert_array_equal(scheduler.strength, strengths)
        # told the same, floats give bit for bit what a stack gets
        assert [scheduler.strength for scheduler in alone] == np.broadcast_to(strengths, REPLICAS).tolist()
        assert all(isinstance(scheduler.strength, float) for scheduler in alone)
        trainer.return_to_best(np.broadcast_to(straight.returns, REPLICAS))
        metrics = trainer.run_epoch(straight.level, straight.strength)
        straight.step(metrics)
        state = json.loads(json.dumps(resumed.state_dict()))
        resumed = PolicyScheduler(chosen, epochs=EPOCHS, classes=trainer.classes)
        resumed.load_state_dict(state)
        resumed.step(metrics)
        for i, scheduler in enumerate(alone):
            scheduler.step(
                train_loss=metrics.train_loss[i],
                train_acc=metrics.train_acc[i],
                val_loss=metrics.val_loss[i],
                val_acc=metrics.val_acc[i],
            )
    np.testing.assert_array_equal(trainer.evaluate("test").loss, infos["test_loss"])
    used = np.array([np.broadcast_to(strengths, REPLICAS) for _, strengths in applied])
    assert len(np.unique(used)) > 1, "the strength changes"


def test_it_is_an_environment_as_gymnasium_wants_it():
    env = gymnasium.make(
        "rlflood/TwoGaussians-v0",
        epochs=3,
        criterion="gce",
        strengths=np.array([0.2, 0.7]),
        levels=[0.0, 0.1],
    )
    assert env.action_space.n == 4 and env.observation_space.shape == (5,)
    check_env(env.unwrapped, skip_render_check=True)


def test_a_strength_changes_what_is_trained(small):
    task = small.model_copy(update={"criterion": "elr"})
    losses = []
    for action in (0, 1):
        env = FloodVectorEnv(
            2, **task.model_dump(exclude_defaults=True), levels=[0.0, 0.5], strengths=[0.0, 9.0]
        )
        env.reset(seed=1)
        for _ in range(task.epochs):
            *_, infos = env.step(np.array([action, action]))
        losses.append(infos["test_loss"])
    assert (losses[0] != losses[1]).all()


def test_strengths_that_do_not_go_with_the_tasks_are_refused(small, same_shape):
    with pytest.raises(InputError, match="the cross-entropy has no strength"):
        FloodEnv(strengths=[1.0])
    with pytest.raises(InputError, match="the strength of gce"):
        FloodEnv(criterion="gce", strengths=[0.5, 3.0])
    with pytest.raises(InputError, match="strengths must be numbers"):
        FloodEnv(criterion="gce", strengths="strong")
    same_shape.tasks = tuple(
        small.model_copy(update={"criterion": name}) for name in ("elr", "gce", "elr", "gce")
    )
    FloodVectorEnv(8, tasks=same_shape).reset(seed=0)  # each under its own criterion, where none is set
    env = FloodVectorEnv(8, tasks=same_shape, strengths=[0.5])
    with pytest.raises(InputError, match=r"the strengths are those of .*: give all tasks one criterion"):
        env.reset(seed=0)
    with pytest.raises(ValueError, match="all variants have one criterion: got cross-entropy, elr"):
        Mixture(variants=({}, {"criterion": "elr"}))
