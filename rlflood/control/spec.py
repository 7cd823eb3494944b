"""How a policy is joined to a run: all that decides a level besides the policy itself."""

from dataclasses import dataclass, field

from rlflood.control.levels import LEVEL_SETS, LevelSet
from rlflood.control.observation import ObservationKind, check_observation
from rlflood.errors import InputError


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """How a policy is joined to a run; part of every controller file.

    Attributes:
        observation: What it sees; see :class:`~rlflood.control.observation.Observer`.
        levels: What its actions stand for.
        decisions: How many times a run it decides, evenly spread, the first time before the first epoch.
    """

    observation: ObservationKind = "extended"
    levels: LevelSet = field(default_factory=lambda: LEVEL_SETS["relative"])
    decisions: int = 20

    def __post_init__(self) -> None:
        check_observation(self.observation)
        if self.decisions < 1:
            raise InputError(f"a controller decides at least once a run: got decisions={self.decisions}")
