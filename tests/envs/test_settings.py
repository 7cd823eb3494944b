import gymnasium
import numpy as np
import pytest

import rlflood  # noqa: F401 - registers the environments
from rlflood.control import LevelSet
from rlflood.control.features import FEATURES
from rlflood.envs import FloodEnv, FloodVectorEnv
from rlflood.envs.settings import episode_settings, observation_space, task_source
from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.training.distribution import FixedTask, Mixture

SMALL = {"hidden": (6,), "train_size": 20, "val_size": 20, "test_size": 20, "epochs": 4}


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"reward": "loss"}, "unknown reward 'loss': use one of"),
        ({"observation": "pixels"}, "unknown observation 'pixels': use one of"),
        ({"levels": "nonsense"}, "unknown level set 'nonsense': use one of"),
        ({"levels": [0.2, 0.1]}, "rising"),
        ({"levels": 0.3}, "levels must be numbers"),
        ({"levels": (0.0, 0.5), "level_unit": "percent"}, "unknown level unit 'percent'"),
        ({"epochs_per_step": 0}, "epochs_per_step must be 1 or more: got 0"),
        ({"decisions": 0}, "got decisions=0"),
        ({"epochs_per_step": 2, "decisions": 2}, "either epochs_per_step or decisions"),
        ({"epochs_per_step": 3}, "4 epochs are no multiple of epochs_per_step=3"),
        ({"device": "gpu"}, "cannot train on the device 'gpu'"),
        ({"precision": "float8"}, "unknown precision 'float8'"),
        ({"failure_penalty": float("nan")}, "failure_penalty must be a finite number"),
        ({"nonsense": 1}, "the environment: nonsense: no such key; there are augmentation, batch_norm"),
        ({"observations": "metrics"}, "observations: no such key; did you mean observation? there are"),
        ({"level": "relative"}, "did you mean levels"),
        ({"rewards": "final"}, "did you mean reward"),
        ({"label_nois": 0.1}, "did you mean label_noise"),
        ({"task": None}, "did you mean tasks"),
        ({"nonsense": 1, "observations": 2}, "nonsense: no such key; observations: no such key; did you"),
        ({"decisions": 2.5}, "decisions must be a whole number: got 2.5"),
        ({"threads": "2"}, "threads must be a whole number: got '2'"),
        ({"failure_penalty": "a"}, "failure_penalty must be a finite number: got 'a'"),
        ({"device": "meta"}, "cannot train on the device 'meta'"),
        ({"label_noise": 2}, "the environment: label_noise: Input should be less than 1"),
        ({"data": "nonsense"}, "no data set called 'nonsense'"),
        ({"data": "missing.npz"}, "missing.npz does not exist"),
        ({"data": "wine", "train_size": 900}, "wine"),
        ({"data": "mixture", "label_noise": 0.3}, "the mixture draws label_noise itself"),
        ({"data": "mixture", "data_options": {"classes": 3}}, "the mixture draws data_options itself"),
        ({"data": "mixture", "target": "y"}, "the mixture draws target itself"),
    ],
)
@pytest.mark.parametrize("make", [FloodEnv, FloodVectorEnv])
def test_bad_keywords_are_input_errors_at_the_first_reset_at_the_latest(make, keywords, message):
    with pytest.raises(InputError) as caught:
        make(**{**SMALL, **keywords}).reset(seed=0)
    assert message in str(caught.value)


@pytest.mark.parametrize("make", [FloodEnv, FloodVectorEnv])
def test_an_unknown_keyword_is_told_all_that_there_are(make):
    with pytest.raises(InputError) as caught:
        make(nonsense=1)
    of_task, own = str(caught.value).partition("there are ")[2].split(" of its task, and ")
    assert of_task.split(", ") == sorted(Task.model_fields)
    assert own.endswith(" of its own")
    names = set(own.removesuffix(" of its own").split(", "))
    assert {"observation", "levels", "reward", "decisions", "device", "tasks"} <= names
    assert ({"num_envs", "group_size", "autoreset_mode"} <= names) == (make is FloodVectorEnv)
    with pytest.raises(InputError, match="nonsense: no such key"):
        make(tasks=FixedTask(Task()), nonsense=1)


def test_a_keyword_of_the_other_environment_says_which():
    with pytest.raises(InputError, match="group_size: no such key; that is one of FloodVectorEnv"):
        gymnasium.make("rlflood/Wine-v0", group_size=2)
    with pytest.raises(InputError, match="did you mean group_size"):
        gymnasium.make_vec("rlflood/Wine-v0", num_envs=2, groupsize=2)


def test_gymnasium_passes_the_message_on():
    with pytest.raises(InputError, match="no such key"):
        gymnasium.make("rlflood/Wine-v0", nonsense=3)


def test_decisions_of_an_id_can_be_traded_for_epochs_per_step():
    env = gymnasium.make("rlflood/Wine-v0", **{**SMALL, "epochs": 6}, decisions=None, epochs_per_step=3)
    env.reset(seed=0)
    assert env.step(0)[4]["epoch"] == 3


def test_tasks_and_fields_exclude_each_other():
    with pytest.raises(InputError, match="either tasks or the fields of one task, not both"):
        FloodEnv(tasks=FixedTask(Task()), epochs=3)


def test_where_tasks_come_from():
    own = FixedTask(Task())
    assert task_source(own, {}) is own
    fixed = task_source(None, {"data": "spiral", "epochs": 9})
    assert fixed.draw(np.random.default_rng(0)) == Task(data="spiral", epochs=9)
    mixture = task_source(None, {"data": "mixture", "epochs": 9})
    assert isinstance(mixture, Mixture)
    assert mixture.base == Task(epochs=9, test_size=500)


def test_numbers_of_groups_must_fit():
    for keywords in ({"num_envs": 0}, {"num_envs": 3, "group_size": 2}, {"num_envs": 2, "group_size": 0}):
        with pytest.raises(InputError, match="must be a positive multiple of group_size"):
            FloodVectorEnv(**keywords)


def test_the_spaces():
    settings = episode_settings(observation="extended", levels=LevelSet((0.0, 0.1, 0.2)))
    assert observation_space(settings).shape == (len(FEATURES["extended"]),)
    env = FloodEnv(observation="metrics", levels="two-gaussians")
    assert env.action_space.n == 51
    assert env.observation_space.shape == (4,)
    vector = FloodVectorEnv(3, levels=[0, 1])
    assert vector.action_space.nvec.tolist() == [2, 2, 2]
    assert vector.observation_space.shape == (3, 4)
