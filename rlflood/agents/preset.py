"""Training recipes: what is trained, on which tasks, by which algorithm; in TOML."""

import inspect
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from rlflood.envs.rewards import RewardKind
from rlflood.schedulers.control import ControlSpec
from rlflood.schedulers.levels import LevelUnit, level_set
from rlflood.schedulers.observation import ObservationKind
from rlflood.toml_files import read_toml, toml_names
from rlflood.training.distribution import Mixture
from rlflood.validation import validated

Width = Annotated[int, Field(gt=0)]

_PRESETS = ("rlflood.agents", "presets")
# set by the recipe itself, or by what it is used for
_OWN_ARGUMENTS = {"policy", "env", "n_steps", "policy_kwargs", "seed", "device", "verbose", "tensorboard_log"}


class Preset(BaseModel):
    """How a controller is trained.

    Attributes:
        algorithm: ``ppo`` or ``a2c`` of Stable-Baselines3.
        episodes: Training runs to learn from, over all replicas.
        groups: Tasks at a time.
        group_size: Replicas of each task, on the same data and initialisation, with their own actions.
        policy: Width of each hidden layer of the policy (and of the value function) network.
        observation: What the policy sees: ``extended`` or ``metrics``.
        levels: Preset or values of the flood levels that it chooses from.
        level_unit: Unit of values.
        decisions: Decisions a run.
        reward: ``accuracy``, ``improvement`` or ``final``.
        relative_reward: Pay what a replica gets more than the rest of its group. Without it tasks differ
            by far more than actions do, and hardly anything is learned.
        hyperparameters: Keywords of the algorithm's class in Stable-Baselines3.
        tasks: The task distribution.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: Literal["ppo", "a2c"] = "ppo"
    episodes: PositiveInt = 40_000
    groups: PositiveInt = 32
    group_size: PositiveInt = 8
    policy: tuple[Width, ...] = (64, 64)
    observation: ObservationKind = "extended"
    levels: str | tuple[float, ...] = "relative"
    level_unit: LevelUnit = "absolute"
    decisions: PositiveInt = 20
    reward: RewardKind = "final"
    relative_reward: bool = True
    hyperparameters: dict[str, int | float | bool | str] = Field(default_factory=dict)
    tasks: Mixture = Field(default_factory=Mixture)

    @model_validator(mode="after")
    def _fits_together(self) -> "Preset":
        level_set(self.levels, self.level_unit)
        if self.relative_reward and self.group_size < 2:
            raise ValueError("a relative reward needs a group_size of 2 or more")
        if self.tasks.base.epochs < self.decisions:
            raise ValueError(f"{self.decisions} decisions do not fit into {self.tasks.base.epochs} epochs")
        known = set(inspect.signature(algorithm_class(self.algorithm)).parameters)
        if wrong := sorted(set(self.hyperparameters) - (known - {"self"} - _OWN_ARGUMENTS)):
            raise ValueError(
                f"hyperparameters: {', '.join(wrong)} cannot be set; {self.algorithm} takes "
                f"{', '.join(sorted(known - {'self'} - _OWN_ARGUMENTS))}"
            )
        return self

    @property
    def replicas(self) -> int:
        """Networks trained at once; each iteration of the algorithm learns from one episode of each."""
        return self.groups * self.group_size

    @property
    def iterations(self) -> int:
        """Updates of the policy that it takes to see all episodes, rounded up."""
        return -(-self.episodes // self.replicas)

    @property
    def spec(self) -> ControlSpec:
        """How the policy is joined to a run."""
        return ControlSpec(self.observation, level_set(self.levels, self.level_unit), self.decisions)


def algorithm_class(name: str) -> type:
    """The class in Stable-Baselines3 behind an algorithm's name."""
    import stable_baselines3  # takes seconds: only where somebody trains

    found: type = {"ppo": stable_baselines3.PPO, "a2c": stable_baselines3.A2C}[name]
    return found


def preset_names() -> tuple[str, ...]:
    """The recipes that come with the package."""
    return toml_names(*_PRESETS)


def load_preset(name: str, *, episodes: int | None = None) -> Preset:
    """A recipe that comes with the package, or one's own ``.toml`` file.

    Args:
        name: A name that :func:`preset_names` gives, or a path that ends in ``.toml``.
        episodes: Another number of episodes than the recipe's.

    Raises:
        InputError: if there is no such recipe, or something in it is wrong.
    """
    values = read_toml(name, "preset", *_PRESETS)
    return validated(
        Preset, values if episodes is None else {**values, "episodes": episodes}, f"preset {name}"
    )
