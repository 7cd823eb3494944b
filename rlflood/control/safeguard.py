"""The fall-backs around a policy."""

import math
from dataclasses import dataclass, fields

import numpy as np

from rlflood.control.overshoot import Overshoot
from rlflood.control.turning_point import FRACTION, RELEASE, RISE, TurningPoint
from rlflood.errors import InputError
from rlflood.metrics import Array


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What a policy is kept from, on networks that step further than those it was trained on.

    It acts on levels that go by the turning point:

    - Until a network has come up to a level, none is above the one that
      :class:`~rlflood.schedulers.RewindFlood` holds at: nothing has shown yet how far it steps.
    - If a network has been carried far beyond a level, that rule takes the run over.
    - Once no more epochs are left than it took to the turn, none is above the last train loss: a way up that
      begins there has no time to pay.

    Attributes:
        rise: How far above its best, as a share of it, a validation loss has turned; what a controller sees
            of the turn goes by it, too.
        fraction: Where the rule holds a run, as a share of the train loss at the turn.
        release: When the rule lets it go: when so many times as many epochs are left as it took to the turn.
        overshoot: A train loss of more than so many times the level that it rose to is far beyond it.

    Raises:
        InputError: if one of them is negative or not finite.
    """

    rise: float = RISE
    fraction: float = FRACTION
    release: float = RELEASE
    overshoot: float = 1.3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise InputError(f"the safeguard's {field.name} must be finite and not negative: got {value}")

    def limited(
        self, level: Array, *, turn: TurningPoint, overshoot: Overshoot, train_loss: Array, left: int
    ) -> Array:
        """The level that a run is trained at where a policy asks for ``level``.

        Args:
            level: In nats, shape ``(replicas,)``.
            turn: Where the run turned.
            overshoot: How far it has been carried beyond a level.
            train_loss: Of the last epoch, in nats.
            left: Epochs left.
        """
        held = self.fraction * np.maximum(turn.train_loss, 0.0)
        level = np.where(overshoot.known, level, np.fmin(level, held))
        rule = turn.rewound(left, self.fraction, self.release)
        level = np.where(overshoot.beyond(self.overshoot), rule, level)
        return np.where(left <= turn.epoch, np.fmin(level, np.maximum(train_loss, 0.0)), level)
