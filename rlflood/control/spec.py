"""How a policy is joined to a run: all that decides a level besides the policy itself."""

from dataclasses import dataclass, field
from typing import get_args

from rlflood.control.features import UNVALIDATED, ObservationKind
from rlflood.control.levels import LEVEL_SETS, LevelSet
from rlflood.control.observation import check_observation
from rlflood.control.safeguard import Safeguard
from rlflood.control.turning_point import TurnSign
from rlflood.errors import InputError
from rlflood.holding import Hold


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """How a policy is joined to a run; part of every controller file.

    Attributes:
        observation: What it sees; see :class:`~rlflood.control.observation.Observer`.
        levels: What its actions stand for.
        decisions: How many times a run it decides, evenly spread, the first time before the first epoch.
        safeguard: What it is kept from, where its levels go by the turning point.
        turn: What tells that a run has turned.
        hold: How its levels are held over mini-batches.
        returning: Whether it has one more action, the last: to put the best weights back, at the level that
            it chose before.
        average: Whether what it was paid for, and what its user deploys, is the average of the weights.

    Raises:
        InputError: if one of them is not usable, or the observation is of the training alone and the levels
            or the return go by the validation.
    """

    observation: ObservationKind = "extended"
    levels: LevelSet = field(default_factory=lambda: LEVEL_SETS["relative"])
    decisions: int = 20
    safeguard: Safeguard = field(default_factory=Safeguard)
    turn: TurnSign = "loss"
    hold: Hold = Hold()
    returning: bool = False
    average: bool = False

    def __post_init__(self) -> None:
        check_observation(self.observation)
        if self.decisions < 1:
            raise InputError(f"a controller decides at least once a run: got decisions={self.decisions}")
        if self.turn not in get_args(TurnSign):
            raise InputError(f"unknown turn {self.turn!r}: use one of {', '.join(get_args(TurnSign))}")
        if self.observation in UNVALIDATED and self.needs_validation:
            what = "returning=True goes" if self.returning else f"levels in the unit {self.levels.unit!r} go"
            raise InputError(
                f"{what} by the validation, which the observation {self.observation!r} does without: "
                "use levels in the unit 'guessing' or 'absolute', without returning, or another observation"
            )

    @property
    def actions(self) -> int:
        """How many there are: one a level, and perhaps the return."""
        return len(self.levels) + self.returning

    @property
    def needs_validation(self) -> bool:
        """Whether a validation split is needed to steer by it, not only to train it."""
        trained_on_alone = self.observation in UNVALIDATED and self.levels.unit in ("absolute", "guessing")
        return self.returning or not trained_on_alone
