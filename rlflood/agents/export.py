"""From a Stable-Baselines3 policy to a controller."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor, nn

from rlflood.control.controller import Activation, Controller
from rlflood.control.lstm import LSTM
from rlflood.control.spec import ControlSpec

_ACTIVATIONS: dict[type[nn.Module], Activation] = {nn.Tanh: "tanh", nn.ReLU: "relu"}


def controller_from_policy(
    policy: BasePolicy, spec: ControlSpec, provenance: Mapping[str, Any]
) -> Controller:
    """The part of a policy that acts, as a controller.

    Args:
        policy: An actor-critic policy, with or without an LSTM, or one of ARS: of tanh or ReLU layers on a
            flat observation, with discrete actions.
        spec: How it was joined to runs in training.
        provenance: Where it came from, in JSON values.

    Raises:
        ValueError: if the policy has other layers.
    """
    modules = _layers(policy)
    linear, between = modules[::2], modules[1::2]
    kinds = {_ACTIVATIONS.get(type(module)) for module in between} or {"tanh"}
    (activation, *others) = kinds
    if others or activation is None or not all(isinstance(module, nn.Linear) for module in linear):
        raise ValueError(
            "a controller is made of linear layers with tanh, or with ReLU, between them: "
            f"the policy has {', '.join(map(str, modules))}"
        )
    layers = [(_array(layer.weight), _bias(layer)) for layer in linear]
    return Controller(spec, layers, activation, provenance, _memory(policy))


def _layers(policy: BasePolicy) -> list[Any]:
    """The modules between the observation, or the memory, and the logits."""
    any_policy = cast(Any, policy)
    if not hasattr(policy, "mlp_extractor"):  # ARS: its action_net is all of them
        return list(any_policy.action_net)
    return [*any_policy.mlp_extractor.policy_net, any_policy.action_net]


def _memory(policy: BasePolicy) -> LSTM | None:
    lstm = getattr(policy, "lstm_actor", None)
    if lstm is None:
        return None
    if lstm.num_layers > 1 or lstm.bidirectional or lstm.proj_size or not lstm.bias:
        raise ValueError(f"a controller's memory is one plain LSTM layer with biases: the policy has {lstm}")
    bias = _array(lstm.bias_ih_l0) + _array(lstm.bias_hh_l0)
    return LSTM(_array(lstm.weight_ih_l0), _array(lstm.weight_hh_l0), bias)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy().copy()
    return array


def _bias(layer: nn.Linear) -> NDArray[np.float32]:
    if layer.bias is None:  # as in the linear policy of ARS
        return np.zeros(layer.out_features, np.float32)
    return _array(layer.bias)
