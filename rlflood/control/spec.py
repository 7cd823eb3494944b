"""How a policy is joined to a run: all that decides a level besides the policy itself."""

from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.control.features import FEATURES, STRENGTH, UNVALIDATED, ObservationKind
from rlflood.control.levels import LEVEL_SETS, LevelSet
from rlflood.control.observation import bounds, check_observation
from rlflood.control.safeguard import Safeguard
from rlflood.control.turning_point import TurnSign
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.strengths import CriterionName, check_criterion, checked_strength


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """How a policy is joined to a run; part of every controller file.

    An action stands for a level; with ``strengths`` for a pair of a level and a strength, those of the first
    level first: number ``level * len(strengths) + strength``.

    Attributes:
        observation: What it sees; see :class:`~rlflood.control.observation.Observer`.
        levels: The levels that it chooses from.
        decisions: How many times a run it decides, evenly spread, the first time before the first epoch.
        safeguard: What it is kept from, where its levels go by the turning point.
        turn: What tells that a run has turned.
        hold: How its levels are held over mini-batches.
        returning: Whether it has one more action, the last: to put the best weights back, at the level and
            the strength that it chose before.
        average: Whether what it was paid for, and what its user deploys, is the average of the weights.
        criterion: What the runs are trained with.
        strengths: Those of the criterion that it chooses from, in rising order. Without any, the strength is
            that of the run.

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
    criterion: CriterionName = "cross-entropy"
    strengths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_observation(self.observation)
        if self.decisions < 1:
            raise InputError(f"a controller decides at least once a run: got decisions={self.decisions}")
        if self.turn not in get_args(TurnSign):
            raise InputError(f"unknown turn {self.turn!r}: use one of {', '.join(get_args(TurnSign))}")
        check_criterion(self.criterion)
        for strength in self.strengths:
            checked_strength(self.criterion, strength)
        if (np.diff(self.strengths) <= 0).any():
            raise InputError(f"strengths must rise: got {list(self.strengths)}")
        if self.observation in UNVALIDATED and self.needs_validation:
            what = "returning=True goes" if self.returning else f"levels in the unit {self.levels.unit!r} go"
            raise InputError(
                f"{what} by the validation, which the observation {self.observation!r} does without: "
                "use levels in the unit 'guessing' or 'absolute', without returning, or another observation"
            )

    @property
    def actions(self) -> int:
        """How many there are: one for each level, or pair, and perhaps the return."""
        return len(self.levels) * max(1, len(self.strengths)) + self.returning

    def is_return(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether actions stand for the return."""
        returns: NDArray[np.bool_] = actions >= self.actions - self.returning
        return returns

    def level_numbers(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the levels actions stand for; none of them may be the return."""
        return actions // max(1, len(self.strengths))

    def strength_numbers(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the strengths, likewise; 0 without any."""
        return actions % max(1, len(self.strengths))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what the policy sees, in order."""
        return (*FEATURES[self.observation], *(STRENGTH,) * bool(self.strengths))

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lowest and highest value of each feature: two arrays of shape ``(features,)``."""
        low, high = bounds(self.observation)
        if not self.strengths:
            return low, high
        return np.append(low, np.float32(0)), np.append(high, np.float32(1))

    @property
    def needs_validation(self) -> bool:
        """Whether a validation split is needed to steer by it, not only to train it."""
        trained_on_alone = self.observation in UNVALIDATED and self.levels.unit in ("absolute", "guessing")
        return self.returning or not trained_on_alone
