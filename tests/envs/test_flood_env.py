import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlflood.data import Split, Splits
from rlflood.envs import FloodEnv
from rlflood.envs.episode import Draw
from rlflood.errors import InputError
from rlflood.metrics import Metrics
from rlflood.training import PopulationTrainer, Task
from rlflood.training.averaging import average_steps
from rlflood.training.distribution import FixedTask


def episode(env, actions, seed=0):
    """Observations, rewards and infos of one episode under the actions, repeated as needed."""
    observation, info = env.reset(seed=seed)
    observations, rewards, infos, terminated = [observation], [], [info], False
    while not terminated:
        action = actions[len(rewards) % len(actions)]
        observation, reward, terminated, truncated, info = env.step(action)
        assert not truncated
        observations.append(observation)
        rewards.append(reward)
        infos.append(info)
    return np.array(observations), np.array(rewards), infos


def test_the_same_seed_gives_the_same_run_and_another_another(small):
    env = FloodEnv(tasks=FixedTask(small), observation="metrics")
    first, again, fresh, other = (
        episode(env, [3, 40], 5),
        episode(env, [3, 40], 5),
        episode(FloodEnv(tasks=FixedTask(small), observation="metrics"), [3, 40], 5),
        episode(env, [3, 40], 6),
    )
    for run in (again, fresh):
        np.testing.assert_array_equal(first[0], run[0])
        np.testing.assert_array_equal(first[1], run[1])
        assert first[2] == run[2]
    assert not np.array_equal(first[0], other[0])


def test_a_reset_without_a_seed_goes_on_with_a_fresh_draw(small):
    env = FloodEnv(tasks=FixedTask(small))
    env.reset(seed=0)
    first = env.step(3)[0]
    env.reset()
    second = env.step(3)[0]
    env.reset(seed=0)
    np.testing.assert_array_equal(env.step(3)[0], first)
    env.reset()
    np.testing.assert_array_equal(env.step(3)[0], second)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("levels", ["two-gaussians", "relative"])
def test_a_step_is_flooded_training_at_the_chosen_level(small, levels):
    """Against the trainer driven by hand with the draw of the same generator."""
    env = FloodEnv(tasks=FixedTask(small), levels=levels, observation="metrics", epochs_per_step=2)
    env.reset(seed=3)
    draw = Draw.from_rng(FixedTask(small), gymnasium.utils.seeding.np_random(3)[0])
    trainer = PopulationTrainer([small], [draw.data_seed], [draw.network_seed])
    best = np.inf
    for action in (7, 0, 4):
        observation, reward, _, _, info = env.step(action)
        for _ in range(2):
            if levels == "relative":
                fraction = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)[action]
                level = fraction * best if np.isfinite(best) else 0.0
            else:
                level = action / 100
            metrics = trainer.run_epoch(level)
            best = min(best, metrics.val_loss[0])
        expected = [metrics.train_loss, metrics.train_acc, metrics.val_loss, metrics.val_acc]
        np.testing.assert_allclose(observation, np.concatenate(expected), rtol=1e-6)
        assert reward == metrics.val_acc[0]
        assert info["level"] == pytest.approx(level)
    test = trainer.evaluate("test")
    assert info["test_loss"] == test.loss[0]
    assert info["test_accuracy"] == test.accuracy[0]
    assert info["test_clean_accuracy"] == test.clean_accuracy[0]


def test_the_rewards_agree_with_each_other(small):
    runs = {
        kind: episode(FloodEnv(tasks=FixedTask(small), reward=kind), [0, 30])
        for kind in ("accuracy", "improvement", "final")
    }
    accuracy = runs["accuracy"][1]
    np.testing.assert_allclose(accuracy, runs["accuracy"][0][1:, 3], rtol=1e-6)
    np.testing.assert_allclose(runs["improvement"][1], np.diff(accuracy, prepend=0.0), atol=1e-12)
    assert runs["improvement"][1].sum() == pytest.approx(accuracy[-1])
    assert runs["final"][1].tolist() == [0.0] * 5 + [accuracy[-1]]


def test_the_held_out_reward_is_paid_from_a_split_that_is_then_no_test_split(small):
    actions = [0, 30, 12]
    paid = episode(FloodEnv(tasks=FixedTask(small), reward="held-out"), actions)
    reported = episode(FloodEnv(tasks=FixedTask(small), reward="final"), actions)
    assert paid[1].tolist() == [0.0] * 5 + [reported[2][-1]["test_clean_accuracy"]]
    np.testing.assert_array_equal(paid[0], reported[0])
    assert not any("test" in name for name in paid[2][-1])


def test_the_test_split_reaches_the_last_info_and_nothing_else(monkeypatch, small):
    actions = [0, 30, 10]
    expected = episode(FloodEnv(tasks=FixedTask(small), observation="extended"), actions)
    original = Task.split

    def with_another_test_split(task, seed):
        splits = original(task, seed)
        rng = np.random.default_rng(0)
        y = rng.integers(2, size=7)
        test = Split(rng.normal(size=(7, splits.features)).astype(np.float32) * 100, y, 1 - y)
        return Splits(splits.train, splits.val, test, splits.classes)

    monkeypatch.setattr(Task, "split", with_another_test_split)
    found = episode(FloodEnv(tasks=FixedTask(small), observation="extended"), actions)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert found[2][:-1] == expected[2][:-1]
    changed = {name for name in found[2][-1] if found[2][-1][name] != expected[2][-1][name]}
    assert "test_loss" in changed
    assert all(name.startswith("test_") for name in changed)
    assert not any(name.startswith("test_") for info in found[2][:-1] for name in info)


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"epochs_per_step": 5}, [5, 10]),
        ({"decisions": 4}, [2, 5, 7, 10]),
        ({"decisions": 1}, [10]),
        ({"decisions": 40}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_how_many_epochs_a_step_takes(small, keywords, expected):
    env = FloodEnv(tasks=FixedTask(small.model_copy(update={"epochs": 10})), **keywords)
    assert [info["epoch"] for info in episode(env, [0])[2]] == [0, *expected]


def test_a_run_that_diverges_ends_with_the_penalty(sometimes_diverging):
    env = FloodEnv(tasks=FixedTask(sometimes_diverging.tasks[1]), failure_penalty=2.5, observation="extended")
    observations, rewards, infos = episode(env, [0])
    assert rewards.tolist() == [-2.5]
    assert infos[-1]["diverged"]
    assert infos[-1]["epoch"] == 1
    assert env.observation_space.contains(observations[-1])
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    observation, info = env.reset()
    assert info["diverged"] is False
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("metric", ["train_loss", "val_loss"])
def test_a_loss_that_overflows_within_a_step_ends_the_run_too(monkeypatch, small, metric):
    original = PopulationTrainer.run_epoch

    def run_epoch(trainer, levels, strengths=None):
        metrics = original(trainer, levels)
        if trainer.epoch != 2:
            return metrics
        values = {name: getattr(metrics, name) for name in Metrics.__dataclass_fields__}
        return Metrics(**{**values, metric: np.array([np.inf])})

    monkeypatch.setattr(PopulationTrainer, "run_epoch", run_epoch)
    env = FloodEnv(tasks=FixedTask(small), epochs_per_step=3)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(0)
    assert (reward, terminated, info["diverged"]) == (-1.0, True, True)


def test_steps_out_of_turn_are_refused(small):
    env = FloodEnv(tasks=FixedTask(small), epochs_per_step=3)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (51, -1, 0.5, "up"):
        with pytest.raises(ValueError, match="must be an integer from 0 to 50"):
            env.step(action)
    env.step(0)
    assert env.step(np.int64(50))[2]
    with pytest.raises(gymnasium.error.ResetNeeded, match="the episode is over"):
        env.step(0)


def test_the_average_is_paid_where_that_is_asked_for(small):
    """Against the trainer driven by hand, with the plain mean from the first epoch below the level on."""
    task = small.model_copy(update={"batch_size": 10})
    env = FloodEnv(tasks=FixedTask(task), levels=(0.0, 0.9), average=True)
    env.reset(seed=3)
    draw = Draw.from_rng(FixedTask(task), gymnasium.utils.seeding.np_random(3)[0])
    trainer = PopulationTrainer([task], [draw.data_seed], [draw.network_seed], average=average_steps(task))
    train_loss, begun = np.inf, False
    for _ in range(task.epochs):
        if train_loss < 0.9 and not begun:
            trainer.begin_average(np.array([True]))
            begun = True
        train_loss = trainer.run_epoch(0.9).train_loss[0]
        _, reward, *_, info = env.step(1)
        assert reward == trainer.evaluate("val", "average").accuracy[0]
    assert info["test_loss"] == trainer.evaluate("test", "average").loss[0]
    assert info["test_loss"] != trainer.evaluate("test").loss[0]


def test_one_more_action_puts_the_best_weights_back(small):
    env = FloodEnv(tasks=FixedTask(small), levels=(0.0, 0.9), returning=True, observation="metrics")
    assert env.action_space.n == 3
    env.reset(seed=3)
    draw = Draw.from_rng(FixedTask(small), gymnasium.utils.seeding.np_random(3)[0])
    trainer = PopulationTrainer([small], [draw.data_seed], [draw.network_seed], keep_best=True)
    for action in [0, 0, 1, 2, 2, 0]:
        if action == 2:
            trainer.return_to_best(np.array([True]))
        level = {0: 0.0, 1: 0.9, 2: 0.9}[action]  # the return leaves the level as it was
        metrics = trainer.run_epoch(level)
        observation, *_, info = env.step(action)
        assert info["level"] == level
        np.testing.assert_array_equal(observation, np.float32(np.ravel(metrics_of(metrics))))


def metrics_of(metrics):
    return [metrics.train_loss, metrics.train_acc, metrics.val_loss, metrics.val_acc]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"hold": {"batch": 4}}, "hold must be a Hold or a table of its numbers"),
        ({"hold": {"batches": 0.5}}, "the mean of 1 batch or more"),
        ({"turn": "time"}, "unknown turn 'time': use one of loss, accuracy"),
        ({"average": 1}, "average must be True or False"),
    ],
)
def test_how_levels_are_held_is_checked(small, keywords, message):
    with pytest.raises(InputError, match=message):
        FloodEnv(tasks=FixedTask(small), **keywords)


BLIND = {"observation": "training", "levels": (0.0, 0.2, 0.6), "level_unit": "guessing"}


@pytest.mark.parametrize("joined", [False, True])
def test_one_that_shows_the_training_alone_is_an_environment(small, joined):
    task = FixedTask(small.model_copy(update={"joined": joined}))
    env = FloodEnv(tasks=task, reward="held-out", decisions=3, **BLIND)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


def test_what_is_trained_on_pays_nothing_and_shows_nothing(small):
    tasks = FixedTask(small.model_copy(update={"joined": True}))
    for settings in ({**BLIND, "reward": "accuracy"}, {"observation": "extended", "reward": "held-out"}):
        with pytest.raises(InputError, match="joined trains on the validation samples, so nothing may go by"):
            FloodEnv(tasks=tasks, **settings).reset(seed=0)
    with pytest.raises(InputError, match="levels in the unit 'relative' go by the validation"):
        FloodEnv(**{**BLIND, "level_unit": "relative"})
