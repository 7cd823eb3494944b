"""The algorithms that train controllers, and what can be set of each.

Their values, tuned on the preset ``default``, are in ``algorithms/*.toml``; a preset may override some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from rlflood.errors import InputError, use_one_of
from rlflood.extras import missing_package
from rlflood.toml_files import read_toml
from rlflood.validation import validated

AlgorithmName = Literal["ppo", "a2c", "reinforce", "trpo", "recurrent-ppo", "ars"]

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class Hyperparameters(BaseModel):
    """What every algorithm has.

    Attributes:
        learning_rate: Step size at the start of training.
        learning_rate_end_factor: The step size falls linearly, to this share of ``learning_rate`` at the end
            of training; 1 keeps it as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    learning_rate: PositiveFloat
    learning_rate_end_factor: Share

    @property
    def minimum_steps(self) -> int:
        """Decisions that an iteration must hold for its advantages to have a spread."""
        return 2

    @property
    def candidates(self) -> int | None:
        """Policies that an iteration compares; ``None`` where it learns from the actions of one."""
        return None

    def keywords(self, decisions: int, replicas: int) -> dict[str, Any]:
        """What the algorithm's class takes for iterations of one episode of each replica.

        ``policy_kwargs`` among them are what its policy takes besides the width of its layers.
        """
        own = self.model_dump(exclude={"learning_rate", "learning_rate_end_factor"})
        rate = LinearDecay(self.learning_rate, self.learning_rate_end_factor)
        return {"n_steps": decisions, "learning_rate": rate, "policy_kwargs": {}, **own}


class ActorCritic(Hyperparameters):
    """Advantages by a learned value function.

    Attributes:
        gamma: Discount a decision; 1 makes the end of a run count in full at its start.
        gae_lambda: Weight of what follows against the value function: 1 trusts the returns alone.
        normalize_advantage: Scale the advantages of a mini-batch to mean 0 and deviation 1.
    """

    gamma: Share
    gae_lambda: Share
    normalize_advantage: bool


class A2C(ActorCritic):
    """Advantage actor-critic (Mnih et al., 2016, without the asynchrony): one update an iteration."""

    ent_coef: Weight
    vf_coef: Weight
    max_grad_norm: PositiveFloat
    use_rms_prop: bool


class Reinforce(Hyperparameters):
    """REINFORCE (Williams, 1992): full returns, no value function; see ``rlflood.agents.reinforce``."""

    normalize_advantage: bool
    ent_coef: Weight
    max_grad_norm: PositiveFloat


class MiniBatches(ActorCritic):
    """Several updates an iteration.

    Attributes:
        minibatches: Parts that the decisions of an iteration are split into, as equal as they can be.
    """

    minibatches: PositiveInt

    @property
    def minimum_steps(self) -> int:
        """Two decisions a mini-batch."""
        return 2 * self.minibatches

    def keywords(self, decisions: int, replicas: int) -> dict[str, Any]:
        """With ``batch_size`` for ``minibatches``."""
        keywords = super().keywords(decisions, replicas)
        steps = decisions * replicas
        size = -(-steps // keywords.pop("minibatches"))
        while steps % size == 1:  # a single decision has no spread to normalise its advantage by
            size += 1
        return {**keywords, "batch_size": size}


class PPO(MiniBatches):
    """Proximal policy optimisation (Schulman et al., 2017).

    Attributes:
        target_kl: Ends an iteration's updates early once the policy has moved this far; ``None`` never does.
    """

    n_epochs: PositiveInt
    clip_range: PositiveFloat
    ent_coef: Weight
    vf_coef: Weight
    max_grad_norm: PositiveFloat
    target_kl: PositiveFloat | None = None


class RecurrentPPO(PPO):
    """PPO with a memory.

    Attributes:
        lstm_hidden_size: Units of the LSTM between the observation and the policy's layers; the value
            function has one of its own.
    """

    lstm_hidden_size: PositiveInt

    def keywords(self, decisions: int, replicas: int) -> dict[str, Any]:
        """With the memory's size where the policy takes it."""
        keywords = super().keywords(decisions, replicas)
        size = keywords.pop("lstm_hidden_size")
        return {**keywords, "policy_kwargs": {"lstm_hidden_size": size}}


class TRPO(MiniBatches):
    """Trust region policy optimisation (Schulman et al., 2015).

    The learning rate and the mini-batches are those of the value function; ``target_kl`` is how far an
    iteration moves the policy.
    """

    target_kl: PositiveFloat
    cg_max_steps: PositiveInt
    cg_damping: PositiveFloat
    line_search_shrinking_factor: Annotated[float, Field(gt=0, lt=1)]
    line_search_max_iter: PositiveInt
    n_critic_updates: PositiveInt


class ARS(Hyperparameters):
    """Augmented random search (Mania et al., 2018); see ``rlflood.agents.ars``.

    Attributes:
        n_delta: Directions that an iteration tries, each of them both ways.
        n_top: The best of them, by which the policy is moved.
        delta_std: How far along them.
        linear: A policy without hidden layers, whatever the preset's width, that begins at zero. A search in
            all weights of a network at once hardly gets anywhere.
    """

    n_delta: PositiveInt
    n_top: PositiveInt
    delta_std: PositiveFloat
    linear: bool

    @model_validator(mode="after")
    def _top_of_all(self) -> "ARS":
        if self.n_top > self.n_delta:
            raise ValueError(f"n_top={self.n_top} of n_delta={self.n_delta} directions: give fewer")
        return self

    @property
    def candidates(self) -> int:
        """Each direction both ways."""
        return 2 * self.n_delta

    def keywords(self, decisions: int, replicas: int) -> dict[str, Any]:
        """With the policy's kind."""
        keywords = super().keywords(decisions, replicas)
        del keywords["n_steps"]  # its iterations are whole episodes by nature
        linear = keywords.pop("linear")
        return {**keywords, "zero_policy": linear, "policy_kwargs": {"net_arch": []} if linear else {}}


@dataclass(frozen=True, slots=True)
class LinearDecay:
    """A learning rate as Stable-Baselines3 wants it: a function of the share of training that is left."""

    start: float
    end_factor: float

    def __call__(self, remaining: float) -> float:
        """The learning rate when ``remaining``, from 1 to 0, is left."""
        return self.start * (self.end_factor + (1 - self.end_factor) * remaining)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm by name.

    Attributes:
        module: Where its class is.
        name: The class.
        hyperparameters: What can be set.
        policy: The kind of policy that it trains.
    """

    module: str
    name: str
    hyperparameters: type[Hyperparameters]
    policy: str = "MlpPolicy"


ALGORITHMS: dict[AlgorithmName, Algorithm] = {
    "ppo": Algorithm("stable_baselines3", "PPO", PPO),
    "a2c": Algorithm("stable_baselines3", "A2C", A2C),
    "reinforce": Algorithm("rlflood.agents.reinforce", "Reinforce", Reinforce),
    "trpo": Algorithm("sb3_contrib", "TRPO", TRPO),
    "recurrent-ppo": Algorithm("sb3_contrib", "RecurrentPPO", RecurrentPPO, "MlpLstmPolicy"),
    "ars": Algorithm("rlflood.agents.ars", "GroupedARS", ARS),
}
"""The algorithms by name."""


def check_algorithm(name: str) -> AlgorithmName:
    """``name``, if it is an algorithm's.

    Raises:
        InputError: if it is not.
    """
    for known in get_args(AlgorithmName):
        if known == name:
            return known  # type: ignore[no-any-return]
    raise InputError(f"unknown algorithm {name!r}: {use_one_of(name, ALGORITHMS)}")


def hyperparameters(name: AlgorithmName, own: Mapping[str, Any]) -> Hyperparameters:
    """An algorithm's tuned values, with those of ``own`` instead where it has some.

    Raises:
        InputError: if the algorithm has no such hyperparameter, or a value is not usable.
    """
    tuned = read_toml(name, "algorithm", "rlflood.agents", "algorithms")
    return validated(ALGORITHMS[name].hyperparameters, {**tuned, **own}, name)


def algorithm_class(name: AlgorithmName) -> type[Any]:
    """The class behind an algorithm's name.

    Raises:
        MissingPackage: if it needs sb3-contrib, which is not installed.
    """
    algorithm = ALGORITHMS[name]
    try:
        module = import_module(algorithm.module)  # takes seconds: only where somebody trains
    except ModuleNotFoundError as error:
        if error.name != "sb3_contrib":
            raise
        raise missing_package("sb3_contrib", f"the algorithm {name} needs sb3-contrib") from None
    found: type[Any] = getattr(module, algorithm.name)
    return found
