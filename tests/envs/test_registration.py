"""Every id that Gymnasium knows, as Gymnasium checks it."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from rlflood.data.image_sets import IMAGE_SETS
from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.registration import ENVIRONMENTS

every_id = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                "Fashion" in name and IMAGE_SETS["fashion-mnist"].place() is None, reason="needs the Fashion-MNIST files"
            ),
        )
        for name in ENVIRONMENTS
    ],
)


def small(name):
    """Few epochs and a small network; two steps an episode."""
    keywords = {"hidden": (8,), "epochs": 4, "train_size": 30, "val_size": 30, "test_size": 30}
    return keywords | ({"decisions": 2} if "decisions" in ENVIRONMENTS[name] else {"epochs_per_step": 2})


@every_id
@pytest.mark.parametrize("shrunk", [True, False], ids=["small", "as registered"])
def test_the_environment_is_one_that_gymnasium_accepts(name, shrunk):
    env = gymnasium.make(name, **(small(name) if shrunk else {}))
    assert isinstance(env.unwrapped, FloodEnv)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)


@every_id
def test_an_episode_through_gymnasiums_wrappers(name):
    env = gymnasium.make(name, **small(name))
    observation, info = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    assert info == {"epoch": 0, "level": 0.0, "diverged": False}
    for step in (1, 2):
        observation, reward, terminated, truncated, info = env.step(env.action_space.n - 1)
        assert env.observation_space.contains(observation)
        assert isinstance(reward, float)
        assert (terminated, truncated) == (step == 2, False)
        assert info["epoch"] == 2 * step
        assert {"test_loss", "test_accuracy", "test_clean_accuracy"} <= set(info) or not terminated


@every_id
def test_the_vector_environment_of_every_id(name):
    env = gymnasium.make_vec(name, num_envs=3, **small(name))
    assert isinstance(env.unwrapped, FloodVectorEnv)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    observations, _ = env.reset(seed=1)
    assert env.observation_space.contains(observations)
    single = gymnasium.make(name, **small(name))
    for i in range(3):
        np.testing.assert_array_equal(single.reset(seed=1 + i)[0], observations[i])
    for _ in range(5):
        observations, rewards, terminated, truncated, _ = env.step(env.action_space.sample())
        assert env.observation_space.contains(observations)
        assert rewards.shape == terminated.shape == truncated.shape == (3,)
        assert rewards.dtype == np.float64
    env.close()


def test_the_seeds_problems_are_as_the_paper_has_them():
    for name in ("rlflood/TwoGaussians-v0", "rlflood/Sinusoid-v0", "rlflood/Spiral-v0"):
        env = gymnasium.make(name).unwrapped
        task = env._tasks.draw(np.random.default_rng(0))
        assert task.hidden == (500,) * 5
        assert (task.epochs, task.train_size, task.val_size, task.test_size) == (500, 100, 100, None)
        assert (task.label_noise, task.optimizer, task.learning_rate) == (0.1, "adam", 1e-3)
        assert env.action_space.n == 51
