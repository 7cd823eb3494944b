"""The end of an epoch, the same in every framework."""

import numpy as np

from rlflood.best_weights import BestWeights
from rlflood.meter import Meter
from rlflood.schedulers.base import FloodScheduler


def end_epoch(scheduler: FloodScheduler, meter: Meter, best: BestWeights | None) -> dict[str, float]:
    """Tell the scheduler of the epoch, and keep or put back the best weights.

    Args:
        scheduler: Of one network.
        meter: What has counted the epoch's batches.
        best: The best weights, of schedulers that may ask for them.

    Returns:
        What to log of the epoch: ``flood_level``; ``raw_train_loss``; ``ascended``, the share of the batches
        that went up, in several processes of this one's; and of controllers ``left_to_rule``.
    """
    logged = {"flood_level": float(np.asarray(scheduler.level))}
    metrics = meter.step()
    logged["raw_train_loss"] = float(metrics.train_loss)
    share = scheduler.ascended
    logged["ascended"] = float("nan") if share is None else float(share)
    if (left := getattr(scheduler, "left_to_rule", None)) is not None:
        logged["left_to_rule"] = float(left.all())
    if best is not None:
        if not np.isnan(metrics.val_acc):  # else there was no validation
            best.step(val_acc=float(metrics.val_acc), val_loss=float(metrics.val_loss))
        if scheduler.returns:
            best.put_back()
    return logged
