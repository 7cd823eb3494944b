"""What a controller remembers of a run beyond its present state: where it was best, where it has been."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class History:
    """The turning points of a run, epoch by epoch.

    What tells noisy labels from a hard problem is not a state but a course: where labels are noisy, the
    validation accuracy peaks and falls while the train loss goes on falling; where the problem is merely
    hard, it stays. So this keeps the peak of the *smoothed* validation accuracy (the highest of many noisy
    values would be luck) and the state of training at it, the lowest train loss and the smoothed accuracy
    there, how restless the accuracy is, and the mean of the levels.

    All values are those of the observer: losses as their log, accuracies from chance to perfect.
    """

    def __init__(self) -> None:
        self._epochs = 0
        self._before: Array = np.zeros(1)
        # peak, its epoch, log train loss and train accuracy there; lowest log train loss, smoothed validation
        # accuracy there; unrest; sum of the levels
        self._rows: Array = np.zeros((8, 1))

    def update(
        self,
        *,
        train_loss: Array,
        train_acc: Array,
        val_acc: Array,
        smoothed: Array,
        level: Array,
        decay: float,
    ) -> None:
        """Take in an epoch: rows of shape ``(replicas,)``; ``level`` is over the best validation loss."""
        peak, peak_epoch, peak_loss, peak_acc, lowest, acc_at_lowest, unrest, levels = self._rows
        first = self._epochs == 0
        self._epochs += 1
        higher = (smoothed > peak) | first
        lower = (train_loss < lowest) | first
        moved = np.zeros_like(val_acc) if first else np.abs(val_acc - self._before)
        self._before = val_acc.copy()
        self._rows = np.stack(
            np.broadcast_arrays(
                np.where(higher, smoothed, peak),
                np.where(higher, float(self._epochs), peak_epoch),
                np.where(higher, train_loss, peak_loss),
                np.where(higher, train_acc, peak_acc),
                np.where(lower, train_loss, lowest),
                np.where(lower, smoothed, acc_at_lowest),
                decay * unrest + (1 - decay) * moved,
                levels + level,
            )
        )

    def features(self, smoothed: Array, epochs: int) -> tuple[Array, ...]:
        """The features of the kind ``history`` that follow ``smoothed validation accuracy``."""
        peak, peak_epoch, peak_loss, peak_acc, lowest, acc_at_lowest, unrest, levels = self._rows
        return (
            peak - smoothed if self._epochs else np.zeros(1),
            (self._epochs - peak_epoch) / epochs,
            peak_loss,
            peak_acc,
            lowest,
            acc_at_lowest,
            unrest,
            levels / max(self._epochs, 1),
        )

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered: numbers and arrays."""
        return {"epochs": self._epochs, "before": self._before.copy(), "rows": self._rows.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`, bit for bit."""
        self._epochs, self._before, self._rows = state["epochs"], state["before"].copy(), state["rows"].copy()
