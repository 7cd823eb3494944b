"""The environment of one replica."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlflood.envs.episode import Draw, Episode
from rlflood.envs.settings import criterion_of, episode_settings, observation_space, task_source
from rlflood.errors import InputError, did_you_mean
from rlflood.training import Task
from rlflood.training.distribution import TaskSource

Info = dict[str, Any]
VECTOR_KEYWORDS = ("num_envs", "group_size", "autoreset_mode")
"""What the environment of many replicas takes besides."""


class FloodEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Flooded training of one network as a Gymnasium environment.

    A step sets the flood level and trains one or more epochs. An episode is one whole training run on a
    fresh draw of the task's data, label noise and initialisation, all taken from the seed given to
    ``reset``. It is ``terminated`` when the epoch budget is spent or a loss is no longer finite, and never
    ``truncated``. Nothing of the test split reaches an observation or a reward; its loss and accuracies
    stand in the ``info`` of the last step.

    Example::

        env = gymnasium.make("rlflood/TwoGaussians-v0", epochs=100, label_noise=0.1)
        observation, info = env.reset(seed=0)
        observation, reward, terminated, truncated, info = env.step(29)  # b = 0.29

    Args:
        tasks: Where each episode's task is drawn from; or give the fields of one task by keyword.
        settings: The keywords of :func:`rlflood.envs.settings.episode_settings` and the fields of
            :class:`rlflood.training.Task`, such as ``data="spiral"`` or ``hidden=(100, 100)``.

    Raises:
        InputError: if a keyword or the task's data is not usable.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium declares it so

    def __init__(
        self, *, tasks: TaskSource | None = None, render_mode: str | None = None, **settings: Any
    ) -> None:
        own, fields = split_keywords(settings, ("tasks", "render_mode"))
        self._tasks = task_source(tasks, fields)
        self._settings = episode_settings(criterion_of(self._tasks, own), **own)
        self.render_mode = render_mode
        self.observation_space = observation_space(self._settings)
        self.action_space: spaces.Discrete = spaces.Discrete(self._settings.spec.actions)
        self._episode: Episode | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a training run on fresh data; the same seed gives the same run."""
        super().reset(seed=seed)
        self._episode = Episode([Draw.from_rng(self._tasks, self.np_random)], self._settings)
        return self._episode.observation()[0], _of_one(self._episode.info())

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Train under the level that ``action`` stands for, up to the next decision."""
        if self._episode is None or self._episode.over or self._episode.diverged[0]:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() before step()")
        if not self.action_space.contains(action):
            raise ValueError(
                f"the action must be an integer from 0 to {self.action_space.n - 1}, not {action!r}"
            )
        reward = self._episode.step(np.array([action]))[0]
        info, terminated = self._episode.info(), self._episode.over or bool(self._episode.diverged[0])
        if terminated:
            info |= self._episode.test_info()
        return self._episode.observation()[0], float(reward), terminated, False, _of_one(info)


def split_keywords(
    keywords: dict[str, Any], others: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An environment's keywords apart from the fields of its task.

    Args:
        keywords: Those of both kinds.
        others: What the environment takes besides, for the message.

    Raises:
        InputError: if a keyword is neither.
    """
    names, fields = set(episode_settings.__kwdefaults__ or ()), set(Task.model_fields)
    own = sorted(names | set(others))
    problems = []
    for name in keywords.keys() - names - fields:
        if name in VECTOR_KEYWORDS:
            hint = "that is one of FloodVectorEnv, which gymnasium.make_vec makes; "
        else:
            hint = did_you_mean(name, [*own, *fields])
        problems.append(f"{name}: no such key; {hint}")
    if problems:
        raise InputError(
            f"the environment: {''.join(sorted(problems))}there are {', '.join(sorted(fields))} of its task, "
            f"and {', '.join(own)} of its own"
        )
    return (
        {name: value for name, value in keywords.items() if name in names},
        {name: value for name, value in keywords.items() if name in fields},
    )


def _of_one(infos: dict[str, NDArray[Any]]) -> Info:
    return {name: values[0].item() for name, values in infos.items()}
