"""How a policy is joined to a run: all that decides a level besides the policy itself."""

from dataclasses import dataclass, field

from rlflood.control.features import ObservationKind
from rlflood.control.levels import LEVEL_SETS, LevelSet
from rlflood.control.observation import check_observation
from rlflood.control.safeguard import Safeguard
from rlflood.errors import InputError


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """How a policy is joined to a run; part of every controller file.

    Attributes:
        observation: What it sees; see :class:`~rlflood.control.observation.Observer`.
        levels: What its actions stand for.
        decisions: How many times a run it decides, evenly spread, the first time before the first epoch.
        safeguard: What it is kept from, where its levels go by the turning point.
    """

    observation: ObservationKind = "extended"
    levels: LevelSet = field(default_factory=lambda: LEVEL_SETS["relative"])
    decisions: int = 20
    safeguard: Safeguard = field(default_factory=Safeguard)

    def __post_init__(self) -> None:
        check_observation(self.observation)
        if self.decisions < 1:
            raise InputError(f"a controller decides at least once a run: got decisions={self.decisions}")
