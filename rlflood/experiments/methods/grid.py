"""Grid search: what a user of flooding does today."""

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.loop import run_schedule
from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.registry import register
from rlflood.experiments.record import Record, Runs, Search
from rlflood.experiments.setting import Progress, Setting, no_progress
from rlflood.metrics import Metrics
from rlflood.schedulers import ConstantFlood
from rlflood.training import Task

Array = NDArray[np.float64]


class GridSearch(Method):
    """Trains one run at every level and picks one by validation accuracy (Ishida et al. 2020).

    The run after its last epoch is picked by final validation accuracy, the checkpoint by best validation
    accuracy, ties by the lower validation loss at that epoch, then by the lower level. The two may have
    different levels. A run that has diverged is not picked.

    Args:
        levels: The levels, in nats: shape ``(candidates,)``.
    """

    name = "grid"

    def __init__(self, levels: Array) -> None:
        self.levels = np.asarray(levels, np.float64)

    def epochs(self, task: Task) -> int:
        """One run a level."""
        return len(self.levels) * task.epochs

    def run(self, setting: Setting, on_progress: Progress = no_progress) -> Record:
        """See :meth:`Method.run`."""
        candidates, repeats = len(self.levels), setting.repeats
        runs = run_schedule(
            setting,
            lambda numbers: ConstantFlood(self.levels[numbers % candidates]),
            runs_per_repeat=candidates,
            on_progress=on_progress,
        )
        # from (repeats * candidates, ...) to (repeats, candidates, ...)
        folded = Runs(*(_folded(getattr(runs, name), repeats) for name in Runs.__slots__))
        final, best = picks(folded.val_acc, folded.val_loss)
        rows = np.arange(repeats)
        curves = {name: getattr(folded, name)[rows, final] for name in ("levels", *Metrics.__slots__)}
        return Record(
            method=self.name,
            **curves,
            test_acc_final=folded.test_acc_final[rows, final],
            test_acc_best=folded.test_acc_best[rows, best],
            noisy_test_acc_final=folded.noisy_test_acc_final[rows, final],
            noisy_test_acc_best=folded.noisy_test_acc_best[rows, best],
            epochs_spent=self.epochs(setting.task),
            search=Search(
                levels=self.levels,
                final=final,
                best=best,
                val_acc=folded.val_acc[..., -1],
                test_acc_final=folded.test_acc_final,
                noisy_test_acc_final=folded.noisy_test_acc_final,
            ),
        )


def picks(val_acc: Array, val_loss: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which candidate has the best final, and the best ever, validation accuracy; ties by validation loss.

    Args:
        val_acc: Shape ``(repeats, candidates, epochs)``.
        val_loss: Likewise; where it is not finite the run has diverged and doesn't count.

    Returns:
        Two arrays of candidate numbers, shape ``(repeats,)``.
    """
    accuracy = np.where(np.isfinite(val_loss), val_acc, -np.inf)
    loss = np.where(np.isfinite(val_loss), val_loss, np.inf)
    final = _lowest(loss[..., -1], where_highest=accuracy[..., -1])
    highest = accuracy.max(axis=-1)
    loss_there = np.where(accuracy == highest[..., None], loss, np.inf).min(axis=-1)
    return final, _lowest(loss_there, where_highest=highest)


def _lowest(loss: Array, *, where_highest: Array) -> NDArray[np.int64]:
    """Of the candidates with the highest value, the first with the lowest loss: shape ``(repeats,)``."""
    tied = where_highest == where_highest.max(axis=-1, keepdims=True)
    chosen: NDArray[np.int64] = np.where(tied, loss, np.inf).argmin(axis=-1)
    return chosen


def _folded(values: Array, repeats: int) -> Array:
    return values.reshape(repeats, -1, *values.shape[1:])


@register("grid", "one run at every level of a grid, picked by validation accuracy")
def _grid(argument: str | None, options: MethodOptions) -> Method:
    # rounded, so that the 0.3 of a grid is the 0.3 that a person types
    return GridSearch(np.linspace(0.0, options.grid_max, options.grid_levels).round(10))
