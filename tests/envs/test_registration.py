"""Every id that Gymnasium knows, as Gymnasium checks it."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from rlflood.data import image_sets
from rlflood.data.image_sets import IMAGE_SETS
from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.protocols import PROTOCOLS
from rlflood.registration import ENVIRONMENTS
from tests.image_archives import write_cifar, write_mnist, write_svhn

PAPERS_IMAGES = [name for name, own in ENVIRONMENTS.items() if own.get("levels") == "cifar10"]

every_id = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                "Fashion" in name and IMAGE_SETS["fashion-mnist"].place() is None,
                reason="needs the Fashion-MNIST files",
            ),
        )
        for name in ENVIRONMENTS
    ],
)


@pytest.fixture(autouse=True)
def few_images(request, tmp_path, monkeypatch):
    """Small archives for the paper's image problems; Fashion-MNIST is the real one."""
    name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    if name not in PAPERS_IMAGES:
        return
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path))
    image_sets._read.cache_clear()
    data = ENVIRONMENTS[name]["data"]
    if data == "svhn":
        write_svhn(tmp_path, monkeypatch)
    elif data.startswith("cifar"):
        write_cifar(tmp_path, monkeypatch, classes=IMAGE_SETS[data].classes)
    else:
        write_mnist(tmp_path, data)


def small(name):
    """Few epochs and a small network; two steps an episode."""
    if name in PAPERS_IMAGES:
        size = IMAGE_SETS[ENVIRONMENTS[name]["data"]].classes
        sizes = {"train_size": size, "val_size": size, "test_size": 60, "batch_size": None}
        network = {"network": "cnn"} if "network" in ENVIRONMENTS[name] else {"hidden": (8,)}
        return {**network, "learning_rate": 0.01, "epochs": 4, "epochs_per_step": 2, **sizes}
    keywords = {"hidden": (8,), "epochs": 4, "train_size": 30, "val_size": 30, "test_size": 30}
    return keywords | ({"decisions": 2} if "decisions" in ENVIRONMENTS[name] else {"epochs_per_step": 2})


@every_id
def test_the_environment_is_one_that_gymnasium_accepts(name):
    check(gymnasium.make(name, **small(name)))


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name not in PAPERS_IMAGES])
def test_it_is_so_as_registered(name):
    """But for the paper's images, which take a GPU for hours."""
    if "Fashion" in name and IMAGE_SETS["fashion-mnist"].place() is None:
        pytest.skip("needs the Fashion-MNIST files")
    check(gymnasium.make(name))


def check(env):
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


@pytest.mark.parametrize("name", PAPERS_IMAGES)
def test_the_papers_image_problems_are_as_the_paper_has_them(name):
    env = gymnasium.make(name).unwrapped
    task = env._tasks.draw(np.random.default_rng(0))
    known = IMAGE_SETS[task.data]
    assert task.train_size + task.val_size == known.pool_size
    assert task.val_size == known.pool_size // 5
    assert task.test_size is None
    assert (task.optimizer, task.momentum, task.batch_size, task.epochs) == ("sgd", 0.9, 128, 500)
    augmented = "Augmented" in name
    assert task.augmentation == ("crop-flip" if augmented else "none")
    rates = [task.learning_rate_in(epoch) for epoch in (0, 249, 250, 399, 400, 499)]
    falls = [0.1, 0.1, 0.01, 0.01, 0.001, 0.001] if augmented else [0.1] * 6
    assert rates == pytest.approx(falls)
    network = {"cifar10": "resnet44", "cifar100": "resnet44", "svhn": "resnet18"}.get(task.data, "mlp")
    assert task.network == network
    assert env.action_space.n == 11  # 0, 0.01 ... 0.10


def test_every_protocol_of_the_paper_is_an_environment():
    images = [ENVIRONMENTS[name] for name in PAPERS_IMAGES]
    missing = [name for name, own in PROTOCOLS.items() if {"levels": "cifar10", **own} not in images]
    assert missing == ["fashion-mnist"]  # which is there in a small version
