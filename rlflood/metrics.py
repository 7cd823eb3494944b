"""What passes between trainers, schedulers and environments: the metrics of one epoch."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlflood.columns import Columns

Array: TypeAlias = NDArray[np.float64]
"""Real numbers: levels, losses, scores."""
Values: TypeAlias = float | Array
"""One number, or one for each replica: an array of shape ``(replicas,)``."""


@dataclass(frozen=True, slots=True)
class Metrics(Columns):
    """The metrics of one epoch, of one network (floats) or of many (arrays of shape ``(replicas,)``).

    Losses are mean cross-entropies in nats, never flooded; accuracies lie between 0 and 1. The training
    metrics are means over the epoch's mini-batches, each taken before its update, so that they cost no
    further pass over the data; the validation metrics are taken after the epoch.
    """

    train_loss: Values
    train_acc: Values
    val_loss: Values
    val_acc: Values
