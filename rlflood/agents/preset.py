"""Presets for training controllers: what is trained, on which tasks, for how long; in TOML."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rlflood.agents.algorithm import AlgorithmName, Hyperparameters, check_algorithm, hyperparameters
from rlflood.control.features import ObservationKind
from rlflood.control.levels import LevelUnit, level_set
from rlflood.control.spec import ControlSpec
from rlflood.control.turning_point import TurnSign
from rlflood.envs.rewards import RewardKind
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.toml_files import read_toml, toml_names
from rlflood.training.distribution import Mixture
from rlflood.validation import validated
from rlflood.words import counted

Width = Annotated[int, Field(gt=0)]

_PRESETS = ("rlflood.agents", "presets")
_BASE = "based_on"


class Likeness(BaseModel):
    """What the tasks of a preset were made like: the sizes of a data set, and nothing else of it.

    Attributes:
        data: Its name.
        samples: How many it has; None for a generator.
        features: Inputs of each.
        classes: Classes.
        imbalance: How many times the most frequent class outnumbers the rarest one.
        capped: What the tasks have less of, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    samples: int | None
    features: int
    classes: int
    imbalance: float
    capped: tuple[str, ...] = ()


class Preset(BaseModel):
    """How a controller is trained.

    Attributes:
        algorithm: A name of :data:`rlflood.agents.algorithm.ALGORITHMS`.
        episodes: Training runs to learn from, over all replicas.
        groups: Tasks at a time.
        group_size: Replicas of each task, on the same data and initialisation, with their own actions.
            ``ars`` splits as many replicas into groups as large as it has candidates.
        policy: Width of each hidden layer of the policy (and of the value function) network.
        observation: What the policy sees; see :class:`~rlflood.control.observation.Observer`.
        levels: Name or values of the flood levels that it chooses from.
        level_unit: Unit of values, ``absolute`` if not given; a named level set has its own.
        decisions: Decisions a run.
        turn: What tells that a run has turned; ``loss`` or ``accuracy``.
        hold: How levels are held over mini-batches; see :class:`~rlflood.holding.Hold`.
        returning: Whether one more action puts the best weights back.
        average: Whether the averaged network is paid for.
        strengths: Of the tasks' criterion, that it chooses from besides.
        reward: What is paid; see :func:`rlflood.envs.rewards.reward`.
        relative_reward: Pay what a replica gets more than the rest of its group. Without it tasks differ
            by far more than actions do, and hardly anything is learned. ``ars``, which compares within the
            groups itself, is always paid the rewards as they are.
        hyperparameters: The algorithm's own; those that are not given are the tuned ones.
        tasks: The task distribution.
        like: What the tasks were made like, where ``rlflood train --tasks like:DATA`` made them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: AlgorithmName = "ppo"
    episodes: PositiveInt
    groups: PositiveInt
    group_size: PositiveInt
    policy: tuple[Width, ...]
    observation: ObservationKind
    levels: str | tuple[float, ...]
    level_unit: LevelUnit | None = None
    decisions: PositiveInt
    turn: TurnSign = "loss"
    hold: Hold = Hold()
    returning: bool = False
    average: bool = False
    strengths: tuple[float, ...] = ()
    reward: RewardKind
    relative_reward: bool = True
    hyperparameters: SerializeAsAny[Hyperparameters] = Field(default={}, validate_default=True)
    tasks: Mixture
    like: Likeness | None = None

    @field_validator("hyperparameters", mode="plain")
    @classmethod
    def _of_the_algorithm(cls, given: Any, info: ValidationInfo) -> Any:
        if "algorithm" not in info.data:  # that it is unknown is told already
            return given
        if not isinstance(given, dict):
            raise ValueError("not a table")
        return hyperparameters(info.data["algorithm"], given)

    @model_validator(mode="after")
    def _fits_together(self) -> "Preset":
        spec = self.spec  # which checks that its parts go together
        if self.relative_reward and self.group_size < 2:
            raise ValueError("a relative reward needs a group_size of 2 or more")
        shared = self.tasks.base.epochs
        fewest = min(int(variant.get("epochs", shared)) for variant in self.tasks.variants)
        if fewest < self.decisions:  # an iteration is one episode of each replica: all take as many steps
            decisions, epochs = counted(self.decisions, "decision"), counted(fewest, "epoch")
            raise ValueError(f"{decisions} do not fit into {epochs}")
        steps, least = self.replicas * spec.decisions, self.hyperparameters.minimum_steps
        if steps < least:
            raise ValueError(
                f"groups * group_size * decisions = {steps} is too few for {self.algorithm}, "
                f"which needs {least}"
            )
        candidates = self.hyperparameters.candidates
        if candidates is not None and self.replicas % candidates:
            raise ValueError(
                f"{self.algorithm} compares 2 * n_delta = {candidates} candidates on each task: "
                f"groups * group_size = {self.replicas} must be a multiple of it"
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
        return ControlSpec(
            self.observation,
            level_set(self.levels, self.level_unit),
            self.decisions,
            turn=self.turn,
            hold=self.hold,
            returning=self.returning,
            average=self.average,
            criterion=self.tasks.criterion,
            strengths=self.strengths,
        )


def preset_names() -> tuple[str, ...]:
    """The presets that come with the package."""
    return toml_names(*_PRESETS)


def load_preset(name: str, *, algorithm: str | None = None, episodes: int | None = None) -> Preset:
    """A preset that comes with the package, or one's own ``.toml`` file.

    Args:
        name: A name that :func:`preset_names` gives, or a path that ends in ``.toml``.
        algorithm: Another algorithm than the preset's.
        episodes: Another number of episodes than the preset's.

    Raises:
        InputError: if there is no such preset or algorithm, something in it is wrong or missing, or it has
            hyperparameters of its own that are not those of ``algorithm``.
    """
    values = _read(name, ())
    own = values.get("algorithm", Preset.model_fields["algorithm"].default)
    if algorithm is not None and check_algorithm(algorithm) != own:
        if values.get("hyperparameters"):
            raise InputError(
                f"the preset {name} has hyperparameters for {own}: make another without them, "
                f"or for {algorithm}"
            )
        values["algorithm"] = algorithm
    if episodes is not None:
        values["episodes"] = episodes
    needed = [key for key, field in Preset.model_fields.items() if field.is_required()]
    lacking = [key for key in needed if key not in values]
    if lacking and values.keys() <= Preset.model_fields.keys():  # else one may be there under a wrong name
        raise InputError(
            f"the preset {name} lacks {', '.join(lacking)}: give what differs from another preset, and "
            f'{_BASE} = "default" for the rest'
        )
    return validated(Preset, values, f"preset {name}")


def _read(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """The values of a preset over those of the one that it is based on, if any."""
    if name in seen:
        raise InputError(
            f"the presets {', '.join(seen)} are based on each other: give one of them no {_BASE}"
        )
    values = read_toml(name, "preset", *_PRESETS)
    if _BASE not in values:
        return values
    base = values.pop(_BASE)
    if not isinstance(base, str):
        raise InputError(f"preset {name}: {_BASE}: the name of a preset in quotes, not {base!r}")
    return _merged(_read(base, (*seen, name)), values)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """``own`` over ``base``, table by table."""
    both = {
        key: _merged(base[key], value)
        for key, value in own.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return {**base, **own, **both}
