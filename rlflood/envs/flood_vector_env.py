"""The environment of many replicas, trained as one stack."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlflood.envs.episode import Draw, Episode
from rlflood.envs.flood_env import VECTOR_KEYWORDS, Info, split_keywords
from rlflood.envs.settings import criterion_of, episode_settings, observation_space, task_source
from rlflood.errors import InputError
from rlflood.training import Machine
from rlflood.training.distribution import TaskSource


class FloodVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]):
    """Many :class:`~rlflood.envs.FloodEnv` at once, their networks stacked where their tasks allow it.

    With ``reset(seed=s)``, replica ``i`` does what a ``FloodEnv`` does after ``reset(seed=s + i)``, up to
    rounding. With ``group_size=g``, groups of ``g`` neighbours get the same task, data and initialisation
    in every episode that they start together; group ``j`` draws from the seed ``s + j``.

    Replicas that start together and whose tasks differ in their data only are trained as one stack. A
    replica whose run ends early (its loss is no longer finite) goes on with a stack of its own.

    ``gymnasium.make_vec`` makes it too. Agents of Stable-Baselines3 take vector environments of their own
    kind only; :func:`~rlflood.envs.stable_baselines.stable_baselines_env` makes this one of them::

        env = gymnasium.make_vec(
            "rlflood/Mixture-v0", num_envs=64, group_size=8, autoreset_mode=AutoresetMode.SAME_STEP
        )
        model = PPO("MlpPolicy", stable_baselines_env(env, group_relative=True), n_steps=20)

    Args:
        num_envs: Replicas.
        tasks: Where each episode's task is drawn from; or give the fields of one task by keyword.
        group_size: Neighbours that share their episodes' tasks and seeds.
        autoreset_mode: What follows the end of an episode, as in Gymnasium's own vector environments.
        settings: As for ``FloodEnv``.

    Raises:
        InputError: if a keyword or the task's data is not usable.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        tasks: TaskSource | None = None,
        group_size: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        if num_envs < 1 or group_size < 1 or num_envs % group_size:
            raise InputError(f"num_envs={num_envs} must be a positive multiple of group_size={group_size}")
        own, fields = split_keywords(settings, (*VECTOR_KEYWORDS, "tasks", "render_mode"))
        self._tasks = task_source(tasks, fields)
        self._settings = episode_settings(criterion_of(self._tasks, own), **own)
        self.num_envs, self.group_size, self.render_mode = num_envs, group_size, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space(self._settings)
        self.single_action_space: spaces.Discrete = spaces.Discrete(self._settings.spec.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._groups = np.arange(num_envs) // group_size
        self._rngs = [seeding.np_random(None)[0] for _ in range(num_envs // group_size)]
        self._states_at_begin = [rng.bit_generator.state for rng in self._rngs]
        self._stacks: list[_Stack] = []
        self._ended = np.ones(num_envs, bool)
        features = len(self._settings.spec.features)
        self._observations: NDArray[np.float32] = np.zeros((num_envs, features), np.float32)
        self.episode_numbers = np.zeros(num_envs, np.int64)
        """Equal for replicas that share the task, the seeds and the start of their present episode."""
        self._episodes_begun = 0

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a training run in every replica, or in those of ``options["reset_mask"]``.

        Args:
            seed: One for the first group, the next for the next; or one a group; ``None`` goes on with
                the present generators.
            options: ``reset_mask``, truth values of shape ``(num_envs,)``.
        """
        if not isinstance(seed, Sequence):
            seed = [None if seed is None else seed + group for group in range(len(self._rngs))]
        if len(seed) != len(self._rngs):
            raise ValueError(f"one seed a group: got {len(seed)} seeds for {len(self._rngs)} groups")
        for group, value in enumerate(seed):
            if value is not None:
                self._rngs[group] = seeding.np_random(value)[0]
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, bool)), bool)
        if mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask must have shape ({self.num_envs},), not {mask.shape}")
        infos: Info = {}
        self._begin(mask, infos)
        return self._observations.copy(), infos

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Train every replica under its action, up to its next decision."""
        actions = np.asarray(actions)
        integers = actions.astype(np.int64) if np.issubdtype(actions.dtype, np.integer) else None
        if actions.shape != (self.num_envs,) or not self.action_space.contains(integers):
            raise ValueError(
                f"actions must be {self.num_envs} integers from 0 to {self.single_action_space.n - 1}, "
                f"not {actions!r}"
            )
        if self._episodes_begun == 0:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if self._ended.any() and self.autoreset_mode != AutoresetMode.NEXT_STEP:
            raise gymnasium.error.ResetNeeded("an episode is over: call reset() for it before step()")
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, bool)
        infos: Info = {}
        resting = self._ended.copy()
        for stack in self._stacks:
            if not stack.active.any():  # all have ended and rest: begun anew below
                continue
            stack_rewards = stack.episode.step(np.where(stack.active, actions[stack.members], 0))
            ended = stack.active & (stack.episode.over | stack.episode.diverged)
            rewards[stack.members[stack.active]] = stack_rewards[stack.active]
            terminated[stack.members[ended]] = True
            self._observe(stack, infos)
            if ended.any():
                self._put(infos, stack.episode.test_info(), stack, ended)
            stack.active = stack.active & ~ended
        self._ended |= terminated
        if resting.any():
            self._begin(resting, infos)
        if terminated.any() and self.autoreset_mode == AutoresetMode.SAME_STEP:
            infos = self._final(infos, terminated)
            self._begin(terminated, infos)
        return self._observations.copy(), rewards, terminated, np.zeros(self.num_envs, bool), infos

    @property
    def machine(self) -> Machine:
        """Where it trains."""
        return self._settings.machine

    def state_dict(self) -> dict[str, Any]:
        """The states of the groups' generators as their present episodes began, in plain values."""
        return {"generators": deepcopy(self._states_at_begin)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``reset()`` without a seed begin the episodes that ran when ``state`` was taken."""
        for rng, generator in zip(self._rngs, state["generators"], strict=True):
            rng.bit_generator.state = generator

    def _begin(self, mask: NDArray[np.bool_], infos: Info) -> None:
        """Start new episodes in the replicas of ``mask``; their infos go to ``infos``."""
        for stack in self._stacks:
            stack.active = stack.active & ~mask[stack.members]
        self._stacks = [stack for stack in self._stacks if stack.active.any()]
        begun: dict[tuple[object, ...], list[tuple[int, Draw]]] = {}
        for group in np.unique(self._groups[mask]):
            self._states_at_begin[group] = self._rngs[group].bit_generator.state
            draw = Draw.from_rng(self._tasks, self._rngs[group])
            members = np.flatnonzero(mask & (self._groups == group))
            self._episodes_begun += 1
            self.episode_numbers[members] = self._episodes_begun
            begun.setdefault(draw.task.stack_key, []).extend((int(i), draw) for i in members)
        for numbered in begun.values():
            episode = Episode([draw for _, draw in numbered], self._settings)
            stack = _Stack(episode, np.array([i for i, _ in numbered]), np.ones(len(numbered), bool))
            self._stacks.append(stack)
            self._observe(stack, infos)
        self._ended[mask] = False

    def _observe(self, stack: "_Stack", infos: Info) -> None:
        self._observations[stack.members[stack.active]] = stack.episode.observation()[stack.active]
        self._put(infos, stack.episode.info(), stack, stack.active)

    def _put(
        self, infos: Info, values: dict[str, NDArray[Any]], stack: "_Stack", which: NDArray[np.bool_]
    ) -> None:
        """Put a stack's infos where Gymnasium wants them: one array a key, and a mask of who has it."""
        for name, value in values.items():
            array = infos.setdefault(name, np.zeros(self.num_envs, value.dtype))
            mask = infos.setdefault(f"_{name}", np.zeros(self.num_envs, bool))
            array[stack.members[which]] = value[which]
            mask[stack.members[which]] = True

    def _final(self, infos: Info, terminated: NDArray[np.bool_]) -> Info:
        """The infos with those of ended episodes moved to ``final_obs`` and ``final_info``."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(terminated):
            final_obs[i] = self._observations[i].copy()
        final_info: Info = {}
        others: Info = {}
        for name in [name for name in infos if not name.startswith("_")]:
            for part, which in ((final_info, terminated), (others, ~terminated)):
                mask = infos[f"_{name}"] & which
                if mask.any():  # a key that nobody has must not be there, nor another's value under a mask
                    value = infos[name]
                    part[name], part[f"_{name}"] = np.where(mask, value, np.zeros_like(value)), mask
        masks = {"_final_obs": terminated.copy(), "_final_info": terminated.copy()}
        return {**others, "final_obs": final_obs, "final_info": final_info, **masks}


@dataclass
class _Stack:
    """Replicas that started together: their episode, their numbers, and who of them is still in it."""

    episode: Episode
    members: NDArray[np.int64]
    active: NDArray[np.bool_]
