"""Augmented random search whose candidates meet the same tasks."""

import copy
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import ARS
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor


class GroupedARS(ARS):
    """ARS of sb3-contrib, with all candidates of an iteration evaluated at once, on common random numbers.

    The environment's groups are as large as there are candidates, and replica ``k`` of each group acts by
    candidate ``k``. So the candidates meet the same tasks, data and initialisations, and differ by their
    actions only; the next iteration draws new ones. ``ARS`` itself would evaluate one candidate after the
    other, each on tasks of its own, which differ ten times as much as candidates do.

    A candidate's return is the mean of its episodes' rewards, which must not be relative to the group.
    """

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: BaseCallback | None = None,
        log_interval: int = 1,
        tb_log_name: str = "ARS",
        reset_num_timesteps: bool = True,
    ) -> "GroupedARS":
        """Learn as the on-policy algorithms do.

        Unlike in ``ARS``, a callback can stop it, the schedules count what was learned before a resumption,
        and a callback's start of an iteration comes before anything random.
        """
        total, callback = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name)
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total:
            callback.on_rollout_start()
            if not callback.on_step():
                break
            self._update_current_progress_remaining(self.num_timesteps, total)
            self._do_one_update(callback, None)
            self.dump_logs()
        callback.on_training_end()
        return self

    def evaluate_candidates(
        self, candidate_weights: Tensor, callback: BaseCallback, async_eval: Any
    ) -> Tensor:
        """The mean return of each candidate's episodes, shape ``(candidates,)``."""
        assert self.env is not None
        observations = cast(NDArray[np.float32], self._last_obs)
        candidates, replicas = len(candidate_weights), self.env.num_envs
        policy = copy.deepcopy(self.policy)
        actions = np.zeros(replicas, np.int64)
        returns = np.zeros(replicas)
        running = np.ones(replicas, bool)
        while running.any():
            for number, weights in enumerate(candidate_weights):
                policy.load_from_vector(weights.cpu().numpy())
                own = slice(number, None, candidates)
                actions[own], _ = policy.predict(observations[own])
            with torch.enable_grad():  # the environment trains networks
                stepped, rewards, dones, infos = self.env.step(actions)
            observations = cast(NDArray[np.float32], stepped)
            self.num_timesteps += replicas
            callback.on_step()
            returns += np.where(running, rewards, 0.0)
            self._update_info_buffer([infos[i] for i in np.flatnonzero(running & dones)])
            running &= ~dones
        # one that ended early is in the middle of its next episode: then all begin anew together
        self._last_obs = observations if dones.all() else cast(NDArray[np.float32], self.env.reset())
        callback.on_rollout_end()
        mean = returns.reshape(-1, candidates).mean(axis=0)
        return torch.as_tensor(mean, dtype=torch.float32, device=self.device)

    def set_parameters(self, load_path_or_dict: Any, exact_match: bool = True, device: Any = "auto") -> None:
        """Set the policy, from which the search goes on."""
        super().set_parameters(load_path_or_dict, exact_match, device)
        self.weights: Any = torch.nn.utils.parameters_to_vector(self.policy.parameters()).detach()
