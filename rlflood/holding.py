"""How a level is held over mini-batches: on each by itself, or on the running mean of their losses."""

import math
from dataclasses import dataclass

from rlflood.errors import InputError


@dataclass(frozen=True, slots=True)
class Hold:
    """How a level acts on the losses of mini-batches.

    A level that is held on each batch alone (the paper's way) sorts samples the wrong way under label noise:
    a batch with more wrong labels than most lies above the level and is learned, one with fewer lies below
    and is unlearned. Which side of the level a running mean lies on does not depend on the batch's labels.

    Attributes:
        batches: How many batches the exponential mean of the losses goes back; of the first ones it is the
            plain mean. 1 is each batch by itself.
        ascent: What a step up weighs, where a step down weighs 1.

    Raises:
        InputError: if ``batches`` is below 1 or not finite, or ``ascent`` not a positive number.
    """

    batches: float = 1.0
    ascent: float = 1.0

    def __post_init__(self) -> None:
        # a whole number from a table is the same hold as one from a file, whose fingerprint is of its text
        for name in ("batches", "ascent"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not 1 <= self.batches < math.inf:
            raise InputError(f"a level is held on the mean of 1 batch or more: got batches={self.batches}")
        if not 0 < self.ascent < math.inf:
            raise InputError(f"ascent must be positive and finite: got {self.ascent}")
