"""From a preset to its environment and its Stable-Baselines3 algorithm."""

import warnings

from gymnasium.vector import AutoresetMode
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from rlflood.agents.algorithm import ALGORITHMS, algorithm_class
from rlflood.agents.preset import Preset
from rlflood.envs import FloodVectorEnv
from rlflood.envs.stable_baselines import stable_baselines_env
from rlflood.training import Machine


def make_env(preset: Preset, machine: Machine) -> FloodVectorEnv:
    """The environment of a preset; see :class:`~rlflood.envs.FloodVectorEnv` for the rest."""
    return FloodVectorEnv(
        preset.replicas,
        tasks=preset.tasks,
        group_size=preset.hyperparameters.candidates or preset.group_size,
        autoreset_mode=AutoresetMode.SAME_STEP,
        turn=preset.turn,
        hold=preset.hold,
        returning=preset.returning,
        average=preset.average,
        strengths=preset.strengths,
        levels=preset.levels,
        level_unit=preset.level_unit,
        observation=preset.observation,
        reward=preset.reward,
        decisions=preset.decisions,
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
    )


def make_model(preset: Preset, env: FloodVectorEnv, *, seed: int) -> BaseAlgorithm:
    """The algorithm of a preset on an environment that :func:`make_env` made.

    Each of its iterations learns from one episode of each replica.

    Raises:
        InputError: if it needs a package that is not installed.
    """
    make = algorithm_class(preset.algorithm)
    keywords = preset.hyperparameters.keywords(preset.decisions, preset.replicas)
    keywords["policy_kwargs"] = {
        "net_arch": list(preset.policy),
        "activation_fn": nn.Tanh,
        **keywords["policy_kwargs"],
    }
    relative = preset.relative_reward and preset.hyperparameters.candidates is None
    with warnings.catch_warnings():  # mini-batches that differ by a few decisions do no harm
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        model: BaseAlgorithm = make(
            ALGORITHMS[preset.algorithm].policy,
            stable_baselines_env(env, group_relative=relative),
            stats_window_size=preset.replicas,
            seed=seed,
            device="cpu",
            **keywords,
        )
    return model
