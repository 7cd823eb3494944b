"""REINFORCE, on the advantage actor-critic of Stable-Baselines3."""

from typing import Any

from stable_baselines3 import A2C
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn


class Reinforce(A2C):
    """Policy gradient by full returns and without a value function (Williams, 1992).

    A2C whose value function stays at zero, so that a decision's advantage is all that follows it. The
    baseline comes with the rewards, which are relative to the rest of the group, as in Kool et al., "Buy 4
    REINFORCE samples, get a baseline for free!" (2019).

    Args:
        policy, env, options: As for A2C.
    """

    policy: ActorCriticPolicy

    def __init__(self, policy: str, env: Any, **options: Any) -> None:
        fixed = {"gamma": 1.0, "gae_lambda": 1.0, "vf_coef": 0.0, "use_rms_prop": False}
        super().__init__(policy, env, **{**options, **fixed})

    def _setup_model(self) -> None:
        super()._setup_model()
        # no gradient reaches it, since its loss has no weight: what is zero stays zero
        nn.init.zeros_(self.policy.value_net.weight)
        nn.init.zeros_(self.policy.value_net.bias)
