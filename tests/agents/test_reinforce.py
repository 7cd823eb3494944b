"""REINFORCE: an action is credited with all that follows it, and nothing is taken off."""

from typing import Any

import numpy as np

from rlflood.agents.model import make_env, make_model
from rlflood.agents.reinforce import Reinforce
from rlflood.training import Machine


def test_advantages_are_the_rewards_to_come_and_the_values_stay_zero(tiny: Any) -> None:
    preset = tiny("reinforce", reward="accuracy")
    env = make_env(preset, Machine())
    model = make_model(preset, env, seed=0)
    assert isinstance(model, Reinforce)
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(3 * 32)
    buffer = model.rollout_buffer
    assert buffer.rewards.any() and not buffer.values.any()
    to_come = np.cumsum(buffer.rewards.reshape(4, 8)[::-1], axis=0)[::-1]
    # the update has turned the advantages round: replica by replica
    np.testing.assert_allclose(buffer.advantages.reshape(8, 4).T, to_come, atol=1e-6)
    changed = {name for name, value in model.policy.state_dict().items() if (value != before[name]).any()}
    assert {name.split(".")[1] for name in changed if "mlp_extractor" in name} == {"policy_net"}
    assert not any(name.startswith("value_net") for name in changed)
