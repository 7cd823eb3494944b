import re
import textwrap

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.vec_env import VecMonitor

import rlflood  # noqa: F401 - registers the environments
from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.envs.rewards import relative_to_group
from rlflood.envs.stable_baselines import FloodVecEnv, GroupRelativeReward, stable_baselines_env
from rlflood.training.distribution import FixedTask


def vector(tasks, replicas=4, **settings):
    settings = {"observation": "extended", "levels": "relative", "decisions": 3, **settings}
    return FloodVectorEnv(replicas, tasks=tasks, autoreset_mode=AutoresetMode.SAME_STEP, **settings)


@pytest.fixture
def fixed(small):
    return FixedTask(small)


def steps(env, count, actions=None):
    """What ``count`` steps give, under fixed actions."""
    rng, result = np.random.default_rng(0), []
    for _ in range(count):
        chosen = rng.integers(env.action_space.n, size=env.num_envs)
        result.append(env.step(chosen if actions is None else actions))
    return result


SMALL = {"epochs": 4, "decisions": 2, "hidden": (4,), "train_size": 20, "val_size": 20, "test_size": 20}


def test_what_the_docstring_of_the_vector_environment_shows_works():
    (example,) = re.findall(r"::\n\n((?: {8}.*\n)+)", FloodVectorEnv.__doc__)
    small = example.replace("num_envs=64", "num_envs=16, **SMALL").replace(
        "n_steps=20", "n_steps=2, batch_size=8"
    )
    names = {
        "gymnasium": gymnasium, "AutoresetMode": AutoresetMode, "PPO": PPO, "SMALL": SMALL,
        "stable_baselines_env": stable_baselines_env,
    }  # fmt: skip
    exec(textwrap.dedent(small), names)
    assert names["model"].learn(32).num_timesteps == 32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: gymnasium.make("rlflood/Wine-v0", **SMALL),
            "one replica, .* goes to Stable-Baselines3 as it is",
        ),
        (lambda: FloodEnv(**SMALL), "one replica"),
        (
            lambda: RecordEpisodeStatistics(
                FloodVectorEnv(2, autoreset_mode=AutoresetMode.SAME_STEP, **SMALL)
            ),
            "not wrapped in RecordEpisodeStatistics: env.unwrapped",
        ),
        (
            lambda: gymnasium.make_vec("rlflood/Wine-v0", num_envs=2, vectorization_mode="sync", **SMALL),
            "not for SyncVectorEnv: .* leave vectorization_mode out",
        ),
        (lambda: None, "not for NoneType"),
    ],
)
def test_another_environment_is_refused_with_what_to_give_instead(make, message):
    with pytest.raises(TypeError, match=message) as caught:
        stable_baselines_env(make())
    assert "FloodVectorEnv(..., autoreset_mode=AutoresetMode.SAME_STEP)" in str(caught.value)


def test_one_replica_goes_to_an_agent_as_it_is():
    agent = PPO(
        "MlpPolicy", gymnasium.make("rlflood/Wine-v0", **SMALL), n_steps=2, batch_size=2, device="cpu"
    )
    assert agent.learn(4).num_timesteps == 4


def test_another_autoreset_mode_says_where_to_give_ours():
    with pytest.raises(ValueError, match=r"SAME_STEP to FloodVectorEnv or gymnasium\.make_vec"):
        stable_baselines_env(gymnasium.make_vec("rlflood/Wine-v0", num_envs=2, **SMALL))


@pytest.mark.parametrize("group_relative", [False, True])
@pytest.mark.parametrize(
    ("algorithm", "options"), [(A2C, {"n_steps": 3}), (PPO, {"n_steps": 6, "batch_size": 8, "n_epochs": 2})]
)
def test_agents_learn_on_it(same_shape, algorithm, options, group_relative):
    env = stable_baselines_env(vector(same_shape, group_size=2), group_relative=group_relative)
    agent = algorithm("MlpPolicy", env, device="cpu", seed=1, **options)
    before = {name: value.clone() for name, value in agent.policy.state_dict().items()}
    agent.learn(72)
    assert agent.num_timesteps >= 72
    assert any((value != before[name]).any() for name, value in agent.policy.state_dict().items())
    assert len(agent.ep_info_buffer) >= 20
    assert all(0 <= episode["r"] <= 3 for episode in agent.ep_info_buffer)
    assert {episode["l"] for episode in agent.ep_info_buffer} == {3}


def test_the_same_seed_makes_the_same_agent(fixed):
    def learned():
        agent = PPO(
            "MlpPolicy", stable_baselines_env(vector(fixed)), n_steps=3, batch_size=6, seed=3, device="cpu"
        )
        return agent.learn(24).policy.state_dict()

    first, second = learned(), learned()
    assert all((first[name] == second[name]).all() for name in first)


def test_it_is_the_vector_environment_in_other_clothes(fixed):
    plain, adapted = vector(fixed), FloodVecEnv(vector(fixed))
    adapted.seed(9)
    np.testing.assert_array_equal(adapted.reset(), plain.reset(seed=9)[0])
    assert adapted.reset_infos == [{"epoch": 0, "level": 0.0, "diverged": False}] * 4
    rng = np.random.default_rng(0)
    for step in range(7):
        actions = rng.integers(8, size=4)
        observations, rewards, dones, infos = adapted.step(actions)
        expected = plain.step(actions)
        np.testing.assert_array_equal(observations, expected[0])
        np.testing.assert_array_equal(rewards, expected[1].astype(np.float32))
        np.testing.assert_array_equal(dones, expected[2])
        assert dones.tolist() == [step % 3 == 2] * 4
        for i, info in enumerate(infos):
            if not dones[i]:
                assert info == {
                    "epoch": 2 * (step % 3 + 1),
                    "level": expected[4]["level"][i],
                    "diverged": False,
                }
                continue
            final = expected[4]["final_info"]
            np.testing.assert_array_equal(info["terminal_observation"], expected[4]["final_obs"][i])
            assert info["terminal_observation"][0] == 1  # the budget is spent; the next begins at 0
            assert observations[i][0] == 0
            assert info["test_accuracy"] == final["test_accuracy"][i]
            assert info["epoch"] == 6
            assert info["TimeLimit.truncated"] is False
            assert adapted.reset_infos[i] == {"epoch": 0, "level": 0.0, "diverged": False}


def test_a_seed_holds_for_one_reset(fixed):
    env = stable_baselines_env(vector(fixed), group_relative=True)

    def figures():
        env.reset()
        return steps(env, 2)[-1][0]

    env.seed(5)
    first, second = figures(), figures()
    env.seed(5)
    np.testing.assert_array_equal(figures(), first)
    np.testing.assert_array_equal(figures(), second)
    assert not np.array_equal(first, second)
    env.seed(6)
    assert not np.array_equal(figures(), first)


def test_groups_draw_from_consecutive_seeds(fixed):
    grouped, single = FloodVecEnv(vector(fixed, group_size=2)), FloodVecEnv(vector(fixed, replicas=2))
    for env in (grouped, single):
        env.seed(5)
        env.reset()
    wide = steps(grouped, 1, np.zeros(4, int))[0][0]
    np.testing.assert_allclose(wide[::2], steps(single, 1, np.zeros(2, int))[0][0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("group_relative", [False, True])
def test_the_monitor_reports_the_episodes_own_returns(fixed, group_relative):
    env = stable_baselines_env(
        vector(fixed, group_size=2), group_relative=group_relative, info_keywords=["test_accuracy", "level"]
    )
    plain = vector(fixed, group_size=2)
    env.seed(2)
    env.reset()
    plain.reset(seed=2)
    rng, total = np.random.default_rng(0), np.zeros(4)
    for _ in range(3):
        actions = rng.integers(8, size=4)
        total += plain.step(actions)[1]
    *_, (_, _, dones, infos) = steps(env, 3)
    assert dones.all()
    np.testing.assert_allclose([info["episode"]["r"] for info in infos], total, rtol=1e-5)
    assert [info["episode"]["l"] for info in infos] == [3] * 4
    for info in infos:
        assert info["episode"]["test_accuracy"] == info["test_accuracy"]


def test_relative_rewards_are_those_of_the_groups_at_the_step(fixed):
    """Also in the step that ends the episode and begins the next ones."""
    relative = stable_baselines_env(vector(fixed, group_size=2), group_relative=True)
    absolute = stable_baselines_env(vector(fixed, group_size=2))
    for env in (relative, absolute):
        env.seed(4)
        env.reset()
    groups, spread = np.array([0, 0, 1, 1]), 0.0
    for ours, plain in zip(steps(relative, 7), steps(absolute, 7), strict=True):
        np.testing.assert_allclose(ours[1], relative_to_group(plain[1], groups), atol=1e-6)
        np.testing.assert_allclose(ours[1][::2], -ours[1][1::2], atol=1e-6)
        np.testing.assert_array_equal(ours[0], plain[0])
        spread += np.abs(ours[1]).sum()
    assert spread > 0


def test_replicas_that_diverge_are_reported_and_begin_anew(sometimes_diverging):
    env = stable_baselines_env(vector(sometimes_diverging, replicas=6), group_relative=False)
    env.seed(0)
    env.reset()
    observations, rewards, dones, infos = steps(env, 1)[0]
    assert 0 < dones.sum() < 6
    np.testing.assert_array_equal(rewards == -1, dones)
    for i in range(6):
        assert infos[i]["diverged"] == dones[i]
        assert ("terminal_observation" in infos[i]) == dones[i]
        assert env.observation_space.contains(observations[i])


def test_another_autoreset_is_refused(fixed):
    with pytest.raises(ValueError, match=r"autoreset_mode=AutoresetMode\.SAME_STEP"):
        FloodVecEnv(FloodVectorEnv(2, tasks=fixed))


def test_attributes_and_methods_reach_the_environment(fixed):
    env = stable_baselines_env(vector(fixed), group_relative=True)
    assert isinstance(env, GroupRelativeReward)
    assert isinstance(env.venv, VecMonitor)
    assert env.get_attr("group_size") == [1] * 4
    assert env.get_attr("group_size", indices=[0, 2]) == [1, 1]
    env.set_attr("render_mode", "none")
    assert env.get_attr("render_mode", indices=0) == ["none"]
    assert len(env.env_method("reset", seed=0, indices=1)) == 1
    assert env.env_is_wrapped(VecMonitor) == [False] * 4
    env.close()
