"""Picking one of several runs by validation."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.runs.record import TEST_SCORES, Record, Runs, Search
from rlflood.metrics import Array
from rlflood.training.trainer import Moment


def picked_record(
    method: str,
    runs: Runs,
    values: Array,
    *,
    knob: str = "level",
    anytime: bool = False,
    epochs: Array | None = None,
    by_test: bool = False,
) -> Record:
    """The record of a search over runs.

    The run after its last epoch is picked by final validation accuracy, the checkpoint by best validation
    accuracy, ties by the lower validation loss at that epoch, then by the earlier candidate. The two may be
    of different runs. A run that has diverged is not picked.

    Args:
        method: The method's name.
        runs: Of each repeat, one candidate after the other: ``repeats * candidates`` runs. The curves of a
            run that was stopped early are NaN from then on.
        values: The knob's setting of each candidate, shape ``(repeats, candidates)``.
        knob: What was searched for.
        anytime: Whether the search could have ended after any candidate.
        epochs: Training epochs spent on each candidate, as ``values``; all of the task's if not given.
        by_test: Pick by test accuracy, against clean labels, instead: an oracle.
    """
    repeats, candidates = values.shape
    # from (repeats * candidates, ...) to (repeats, candidates, ...)
    folded = runs.reshape(repeats, candidates)
    val_acc, val_loss = folded.val_acc, folded.val_loss
    finite = np.isfinite(val_loss)
    finished = finite[..., -1]
    accuracy = np.where(finite, val_acc, -np.inf)
    highest = accuracy.max(axis=-1)
    loss_there = np.where(finite & (accuracy == highest[..., None]), val_loss, np.inf)
    scores = {
        "val_acc_final": val_acc[..., -1],
        "val_loss_final": val_loss[..., -1],
        "val_acc_best": highest,
        "val_loss_best": loss_there.min(axis=-1),
        **{name: getattr(folded, name) for name in TEST_SCORES},
    }
    scores = {name: np.where(finished, score, np.nan) for name, score in scores.items()}
    if epochs is None:
        epochs = np.full(values.shape, float(val_acc.shape[-1]))
    if by_test:
        final = _first_best(scores["test_acc_final"], -scores["val_acc_final"])[:, -1]
        best = _first_best(scores["test_acc_best"], -scores["val_acc_best"])[:, -1]
    else:
        final = _first_best(scores["val_acc_final"], scores["val_loss_final"])[:, -1]
        best = _first_best(scores["val_acc_best"], scores["val_loss_best"])[:, -1]
    rows = np.arange(repeats)
    at_end, at_best = folded.take((rows, final)), folded.take((rows, best))
    picked = replace(
        at_end, test_acc_best=at_best.test_acc_best, noisy_test_acc_best=at_best.noisy_test_acc_best
    )
    search = Search(knob, anytime, final, best, values, epochs, **scores)
    return picked.as_record(method, epochs.sum(axis=1), search)


def incumbents(search: Search, moment: Moment) -> NDArray[np.int64]:
    """The candidate that would be picked after each number of candidates: shape ``(repeats, candidates)``.

    Entry ``[r, c]`` is the pick of repeat ``r`` had the search ended after candidate ``c``.
    """
    return _first_best(getattr(search, f"val_acc_{moment}"), getattr(search, f"val_loss_{moment}"))


def _first_best(accuracy: Array, loss: Array) -> NDArray[np.int64]:
    """Of candidates ``0 ... c``, the one with the highest accuracy, ties by lower loss, then by order.

    Where nothing is finite, the first.
    """
    usable = np.isfinite(accuracy) & np.isfinite(loss)
    accuracy, loss = np.where(usable, accuracy, -np.inf), np.where(usable, loss, np.inf)
    chosen = np.zeros(accuracy.shape, np.int64)
    rows = np.arange(len(accuracy))
    for c in range(1, accuracy.shape[1]):
        held = chosen[:, c - 1]
        better = (accuracy[:, c] > accuracy[rows, held]) | (
            (accuracy[:, c] == accuracy[rows, held]) & (loss[:, c] < loss[rows, held])
        )
        chosen[:, c] = np.where(better, c, held)
    return chosen
