"""Controllers against the policies that they were made from: the same actions over whole runs."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import nn

from rlflood.agents.algorithm import ALGORITHMS
from rlflood.agents.export import controller_from_policy
from rlflood.agents.model import make_env, make_model
from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.observation import bounds
from rlflood.envs import FloodVectorEnv
from rlflood.metrics import Metrics
from rlflood.schedulers import PolicyScheduler
from rlflood.training import Machine, PopulationTrainer

pytest.importorskip("sb3_contrib")
from sb3_contrib.ars.policies import ARSLinearPolicy, ARSPolicy
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

LEVELS = LevelSet((0.0, 0.2, 0.5, 0.9), "relative")
SPEC = ControlSpec("extended", LEVELS, 5)
SEEN = spaces.Box(*bounds("extended"))
CHOSEN = spaces.Discrete(len(LEVELS))


def shaken(policy: BasePolicy, seed: int = 0) -> BasePolicy:
    """The policy with random weights, large enough for what it sees to decide what it does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return policy


def recurrent(**options: Any) -> BasePolicy:
    return RecurrentActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, **options)


POLICIES: dict[str, BasePolicy] = {
    "tanh": ActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, net_arch=[16, 8]),
    "relu": ActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, net_arch=[16], activation_fn=nn.ReLU),
    "no hidden layer": ActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, net_arch=[]),
    "two heads": ActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, net_arch={"pi": [8], "vf": [32, 32]}),
    "lstm": recurrent(net_arch=[16], lstm_hidden_size=12),
    "lstm, then logits": recurrent(net_arch=[], lstm_hidden_size=12),
    "lstm, shared": recurrent(lstm_hidden_size=7, shared_lstm=True, enable_critic_lstm=False),
    "lstm, relu": recurrent(net_arch=[16], lstm_hidden_size=12, activation_fn=nn.ReLU),
    "ars": ARSPolicy(SEEN, CHOSEN, net_arch=[16]),
    "ars, tanh": ARSPolicy(SEEN, CHOSEN, net_arch=[16, 8], activation_fn=nn.Tanh),
    "ars, no bias": ARSPolicy(SEEN, CHOSEN, net_arch=[16], with_bias=False),
    "ars, linear": ARSLinearPolicy(SEEN, CHOSEN),
    "ars, linear with bias": ARSLinearPolicy(SEEN, CHOSEN, with_bias=True),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_controller_acts_as_its_policy_does_over_whole_runs(name: str) -> None:
    """Replicas whose episodes begin at different times, each with its own memory."""
    policy = shaken(POLICIES[name])
    controller = Controller.from_bytes(controller_from_policy(policy, SPEC, {}).to_bytes())
    assert (controller.lstm is not None) == name.startswith("lstm")
    rng = np.random.default_rng(1)
    state, memory, taken = None, None, []
    for step in range(30):
        observation = rng.uniform(SEEN.low, SEEN.high, size=(6, 15)).astype(np.float32)
        starts = rng.random(6) < 0.2 if step else np.ones(6, bool)
        expected, state = policy.predict(observation, state, starts, deterministic=True)
        if memory is not None:
            memory = np.where(starts[:, None, None], 0, memory)
        actions, memory = controller.act(observation, memory)
        np.testing.assert_array_equal(actions, expected)
        taken.extend(actions)
    assert len(set(taken)) > 1


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (ActorCriticPolicy(SEEN, CHOSEN, lambda _: 1e-3, activation_fn=nn.ELU), "the policy has .*ELU"),
        (recurrent(n_lstm_layers=2), "one plain LSTM layer"),
        (recurrent(lstm_kwargs={"bias": False}), "one plain LSTM layer"),
        (ActorCriticPolicy(SEEN, spaces.Discrete(3), lambda _: 1e-3), "3 actions, its level set 4"),
        (ActorCriticPolicy(spaces.Box(-1, 1, (4,)), CHOSEN, lambda _: 1e-3), "for 15 inputs"),
    ],
)
def test_a_policy_that_is_no_controller_is_refused(policy: BasePolicy, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        controller_from_policy(policy, SPEC, {})


def rolled_out(env: FloodVectorEnv, policy: BasePolicy) -> list[NDArray[np.float64]]:
    """The levels of a run under the policy's own deterministic actions: shape ``(replicas,)`` a decision."""
    observation, _ = env.reset(seed=7)
    state, levels = None, []
    for step in range(4):
        starts = np.full(env.num_envs, step == 0)
        actions, state = policy.predict(observation, state, starts, deterministic=True)
        observation, _, _, _, info = env.step(actions)
        levels.append(info["level"])
    return levels


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_deployed_controller_sets_the_levels_that_its_model_set_in_the_environment(
    algorithm: str, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the environment by Stable-Baselines3; from the file, by the metrics of the same runs."""
    preset = tiny(algorithm, levels="relative")
    env = make_env(preset, Machine())
    policy = shaken(make_model(preset, env, seed=0).policy, seed=3)
    controller_from_policy(policy, preset.spec, {}).save(tmp_path / "it.safetensors")

    seen: list[Metrics] = []
    classes: list[NDArray[np.int64]] = []

    def run_epoch(self: PopulationTrainer, levels: Any, strengths: Any = None) -> Metrics:
        classes.append(self.classes)
        seen.append(original(self, levels))
        return seen[-1]

    original = PopulationTrainer.run_epoch
    monkeypatch.setattr(PopulationTrainer, "run_epoch", run_epoch)
    env.autoreset_mode = AutoresetMode.DISABLED
    levels = rolled_out(env, policy)

    scheduler = PolicyScheduler(tmp_path / "it.safetensors", epochs=4, classes=classes[0])
    steered = [scheduler.level, *(scheduler.step(metrics) for metrics in seen)]
    np.testing.assert_array_equal(levels, steered[:-1])
    assert any((one != other).any() for one, other in pairwise(levels))
