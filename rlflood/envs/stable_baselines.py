"""The environments as Stable-Baselines3 wants them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Env, Wrapper
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from rlflood.envs.flood_env import FloodEnv
from rlflood.envs.flood_vector_env import FloodVectorEnv
from rlflood.envs.rewards import relative_to_group


class FloodVecEnv(VecEnv):
    """A :class:`FloodVectorEnv` as a Stable-Baselines3 ``VecEnv``.

    Episodes that end are followed by new ones in the same step; the last observation and the test split's
    figures then stand in the replica's info as ``terminal_observation`` and ``test_accuracy`` etc.

    Args:
        env: A vector environment made with ``autoreset_mode=AutoresetMode.SAME_STEP``.

    Raises:
        TypeError: for anything else, a wrapped vector environment too.
        ValueError: for another autoreset mode.
    """

    def __init__(self, env: FloodVectorEnv) -> None:
        if not isinstance(env, FloodVectorEnv):
            raise TypeError(_other_than_ours(env))
        if env.autoreset_mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                "Stable-Baselines3 resets in the same step: give autoreset_mode=AutoresetMode.SAME_STEP to "
                "FloodVectorEnv or gymnasium.make_vec"
            )
        self.env = env
        self._actions: NDArray[np.int64] = np.zeros(env.num_envs, np.int64)
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Start new episodes; a seed given to :meth:`seed` holds for the first reset after it."""
        observations, infos = self.env.reset(seed=self._seeds[0])
        self.reset_infos = self._infos(infos)
        self._reset_seeds()
        return observations

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step with them."""
        observations, rewards, terminated, _, vector_infos = self.env.step(self._actions)
        infos = self._infos(vector_infos)
        for i in np.flatnonzero(terminated):
            self.reset_infos[i] = infos[i]
            infos[i] = self._info(vector_infos["final_info"], int(i))
            infos[i]["terminal_observation"] = vector_infos["final_obs"][i]
            infos[i]["TimeLimit.truncated"] = False
        return observations, rewards.astype(np.float32), terminated, infos

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next :meth:`reset` begin the episodes that ran when ``state`` was taken from ``env``."""
        self.env.load_state_dict(state)
        self._reset_seeds()

    def close(self) -> None:
        """Nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The vector environment's attribute, once a replica asked for."""
        return [getattr(self.env, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the vector environment."""
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector environment, once."""
        return [getattr(self.env, method_name)(*method_args, **method_kwargs)] * self._count(indices)

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """No replica is wrapped."""
        return [False] * self._count(indices)

    def _count(self, indices: VecEnvIndices) -> int:
        return len(list(self._get_indices(indices)))

    def _infos(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._info(infos, i) for i in range(self.num_envs)]

    @staticmethod
    def _info(infos: dict[str, Any], i: int) -> dict[str, Any]:
        own = (name for name in infos if f"_{name}" in infos and not name.startswith("final"))
        return {name: infos[name][i].item() for name in own if infos[f"_{name}"][i]}


class GroupRelativeReward(VecEnvWrapper):
    """Pays each replica what it gets more than its siblings on the same task and initialisation.

    See :func:`rlflood.envs.rewards.relative_to_group`.
    """

    def __init__(self, venv: VecEnv, env: FloodVectorEnv) -> None:
        super().__init__(venv)
        self._env = env
        self._episodes: NDArray[np.int64] = env.episode_numbers.copy()

    def reset(self) -> Any:
        """Start new episodes."""
        return self.venv.reset()

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the actions of the next step."""
        # who is whose sibling must be noted before the step: it may begin new episodes
        self._episodes = self._env.episode_numbers.copy()
        super().step_async(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Step with them."""
        observations, rewards, dones, infos = self.venv.step_wait()
        return observations, relative_to_group(rewards, self._episodes).astype(np.float32), dones, infos


def stable_baselines_env(
    env: FloodVectorEnv, *, group_relative: bool = False, info_keywords: Sequence[str] = ()
) -> VecEnv:
    """A vector environment ready for an agent: ``PPO("MlpPolicy", stable_baselines_env(env))``.

    Stable-Baselines3 has vector environments of its own kind and takes none of Gymnasium's as it is. It is
    wrapped in ``VecMonitor``, which reports the episodes' own returns even where the agent is paid relative
    to its group.

    Args:
        env: A vector environment made with ``autoreset_mode=AutoresetMode.SAME_STEP``.
        group_relative: Pay rewards relative to the rest of the group.
        info_keywords: What ``VecMonitor`` keeps of an episode's last info.

    Raises:
        TypeError: if ``env`` is another environment: one replica, or a wrapped one.
        ValueError: for another autoreset mode.
    """
    monitored = VecMonitor(FloodVecEnv(env), info_keywords=tuple(info_keywords))
    return GroupRelativeReward(monitored, env) if group_relative else monitored


def _other_than_ours(env: object) -> str:
    """What to give instead of this."""
    wanted = "FloodVectorEnv(..., autoreset_mode=AutoresetMode.SAME_STEP)"
    if isinstance(env, Env) and isinstance(env.unwrapped, FloodEnv):
        return (
            f"this is for many replicas, {wanted}; one replica, gymnasium.make(...), goes to "
            "Stable-Baselines3 as it is"
        )
    if isinstance(env, VectorEnv) and isinstance(env.unwrapped, FloodVectorEnv):
        return f"give the {wanted} itself, not wrapped in {type(env).__name__}: env.unwrapped"
    if isinstance(env, VectorEnv):
        return (
            f"this is for {wanted}, not for {type(env).__name__}: make it with gymnasium.make_vec and leave "
            "vectorization_mode out"
        )
    return f"this is for {wanted}, not for {type(env).__name__}"
