"""From a Stable-Baselines3 policy to a controller."""

from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from rlflood.schedulers.control import ControlSpec
from rlflood.schedulers.controller import Controller


def controller_from_policy(
    policy: ActorCriticPolicy, spec: ControlSpec, provenance: Mapping[str, Any]
) -> Controller:
    """The part of an actor-critic policy that acts, as a controller.

    Args:
        policy: A policy of tanh layers on a flat observation, with discrete actions.
        spec: How it was joined to runs in training.
        provenance: Where it came from, in JSON values.

    Raises:
        ValueError: if the policy has other layers.
    """
    modules = [*policy.mlp_extractor.policy_net, policy.action_net]
    layers = []
    for module in modules:
        if isinstance(module, nn.Linear):
            layers.append(
                (module.weight.detach().cpu().numpy().copy(), module.bias.detach().cpu().numpy().copy())
            )
        elif not isinstance(module, nn.Tanh):
            raise ValueError(f"a controller is made of linear and tanh layers: the policy has a {module}")
    return Controller(spec, layers, "tanh", provenance)
