"""Random search: candidates that meet the same tasks and differ by their actions only."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from rlflood.agents import Preset
from rlflood.agents.model import make_env, make_model
from rlflood.envs import FloodVectorEnv
from rlflood.training import Machine

pytest.importorskip("sb3_contrib")
from rlflood.agents.ars import GroupedARS


class Idle(BaseCallback):
    """Does nothing; counts iterations, and ends training after some."""

    def __init__(self, iterations: int = 1000) -> None:
        super().__init__()
        self.left = iterations

    def _on_rollout_start(self) -> None:
        self.left -= 1

    def _on_step(self) -> bool:
        return self.left >= 0


def search(preset: Preset) -> tuple[GroupedARS, FloodVectorEnv, BaseCallback]:
    env = make_env(preset, Machine())
    model = make_model(preset, env, seed=0)
    assert isinstance(model, GroupedARS)
    _, callback = model._setup_learn(10_000, Idle())
    return model, env, callback


def choosing(model: GroupedARS, action: int) -> torch.Tensor:
    """The weights of a linear policy that always takes one action."""
    model.policy.load_from_vector(np.zeros(model.n_params, np.float32))
    with torch.no_grad():
        model.policy.action_net[0].bias[action] = 1
    return torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()


def test_equal_candidates_get_equal_returns_and_new_tasks_each_time(tiny: Any) -> None:
    model, env, callback = search(tiny("ars"))
    assert env.group_size == 4
    same = choosing(model, 1).repeat(4, 1)
    returns = [model.evaluate_candidates(same, callback, None) for _ in range(3)]
    assert all(len(set(each.tolist())) == 1 for each in returns)
    assert len({float(each[0]) for each in returns}) == 3
    assert all(0 < each[0] < 1 for each in returns)


def test_a_candidate_gets_what_its_own_actions_earn(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidate k always takes action k, which pays k, and in the second group 10 more."""
    levels = (0.0, 0.1, 0.2, 0.3)

    def paid(self: FloodVectorEnv, actions: NDArray[np.int64]) -> Any:
        observations, _, terminated, truncated, infos = step(self, actions)
        return observations, actions + 10.0 * (np.arange(8) >= 4), terminated, truncated, infos

    step = FloodVectorEnv.step
    monkeypatch.setattr(FloodVectorEnv, "step", paid)
    model, _, callback = search(tiny("ars", levels=levels))
    candidates = torch.stack([choosing(model, action) for action in range(4)])
    returns = model.evaluate_candidates(candidates, callback, None)
    # four decisions; the mean over the two groups
    assert returns.tolist() == [4 * (5 + action) for action in range(4)]
    assert model.num_timesteps == 32
    assert model.ep_info_buffer is not None
    assert sorted(info["r"] for info in model.ep_info_buffer) == [0, 4, 8, 12, 40, 44, 48, 52]


def test_runs_that_end_early_count_once_and_all_begin_the_next_together(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first group's loss is not finite after two decisions."""

    def ended(self: FloodVectorEnv, actions: NDArray[np.int64]) -> Any:
        for stack in self._stacks:
            if stack.episode.epoch == 1:
                stack.episode.diverged |= self._groups[stack.members] == 0
        return step(self, actions)

    step = FloodVectorEnv.step
    model, env, callback = search(tiny("ars"))
    monkeypatch.setattr(FloodVectorEnv, "step", ended)
    returns = model.evaluate_candidates(choosing(model, 1).repeat(4, 1), callback, None)
    monkeypatch.undo()
    assert model.ep_info_buffer is not None
    lengths = [info["l"] for info in model.ep_info_buffer]
    assert sorted(lengths) == [2] * 4 + [4] * 4
    # -1 for each of the first group, an accuracy for each of the second
    assert ((returns > -0.5) & (returns < 0)).all()
    assert len({tuple(env.episode_numbers[group]) for group in (slice(4), slice(4, 8))}) == 2
    assert all(stack.episode.epoch == 0 for stack in env._stacks)


def test_a_callback_can_stop_it_before_an_iteration(tiny: Any) -> None:
    model, _, _ = search(tiny("ars"))
    model.learn(320, Idle(iterations=2))
    assert model.num_timesteps == 2 * 32


def test_a_policy_with_hidden_layers_begins_at_random_weights(tiny: Any) -> None:
    linear, _, _ = search(tiny("ars"))
    deep, _, _ = search(tiny("ars", hyperparameters={"linear": False}))
    assert (linear.n_params, deep.n_params) == (16 * 3, 16 * 8 + 9 * 3)
    assert linear.weights is not None and not linear.weights.any()
    assert deep.weights is not None and deep.weights.any()
