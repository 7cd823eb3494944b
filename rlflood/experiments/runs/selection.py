"""Picking one of several runs by validation."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.runs.record import TEST_SCORES, Record, Runs, Search, of_moment, score_field
from rlflood.metrics import Array
from rlflood.training.trainer import MOMENTS, Moment


def picked_record(
    method: str,
    runs: Runs,
    values: Array,
    *,
    knob: str = "level",
    anytime: bool = False,
    epochs: Array | None = None,
    by_test: bool = False,
    deployed: Moment = "last",
) -> Record:
    """The record of a search over runs.

    Each of the four networks is picked by its own validation accuracy, ties by the validation loss there,
    then by the earlier candidate: the last one and the average by what they have after the last epoch, the
    best ones by the best of all epochs. The four may be of different runs. A run that has diverged is not
    picked.

    Args:
        method: The method's name.
        runs: Of each repeat, one candidate after the other: ``repeats * candidates`` runs. The curves of a
            run that was stopped early are NaN from then on.
        values: The knob's setting of each candidate, shape ``(repeats, candidates)``.
        knob: What was searched for.
        anytime: Whether the search could have ended after any candidate.
        epochs: Training epochs spent on each candidate, as ``values``; all of the task's if not given.
        by_test: Pick by test accuracy, against clean labels, instead: an oracle.
        deployed: Which of the four networks a user would deploy.
    """
    repeats, candidates = values.shape
    # from (repeats * candidates, ...) to (repeats, candidates, ...)
    folded = runs.reshape(repeats, candidates)
    scores = {name: getattr(folded, name) for name in TEST_SCORES}
    for moment in MOMENTS:
        scores[of_moment("val_acc", moment)], scores[of_moment("val_loss", moment)] = _validation(
            folded, moment
        )
    finished = np.isfinite(folded.val_loss[..., -1])
    scores = {name: np.where(finished, score, np.nan) for name, score in scores.items()}
    if epochs is None:
        epochs = np.full(values.shape, float(runs.levels.shape[-1]))
    picks: dict[str, Any] = {}
    picked, rows = {}, np.arange(repeats)
    for moment in MOMENTS:
        accuracy, loss = (scores[of_moment(kind, moment)] for kind in ("val_acc", "val_loss"))
        if by_test:
            accuracy, loss = scores[score_field(moment, noisy=False)], -accuracy
        number = picks[of_moment("picked", moment)] = _first_best(accuracy, loss)[:, -1]
        picked[moment] = folded.take((rows, number))
    tests = {
        name: getattr(picked[moment], name)
        for moment in MOMENTS
        for name in (score_field(moment, noisy=False), score_field(moment, noisy=True))
    }
    search = Search(knob=knob, anytime=anytime, values=values, epochs=epochs, **picks, **scores)
    shown = replace(picked[deployed], **tests)
    return shown.as_record(method, epochs.sum(axis=1), deployed=deployed, search=search)


def _validation(runs: Runs, moment: Moment) -> tuple[Array, Array]:
    """Validation accuracy and loss of one of the four networks, by which it is picked among runs."""
    accuracy, loss = runs.val_acc, runs.val_loss
    if moment in ("average", "best-average"):
        accuracy, loss = runs.average_val_acc, runs.average_val_loss
    if moment in ("last", "average"):
        return accuracy[..., -1], loss[..., -1]
    finite = np.isfinite(loss)
    accuracy = np.where(finite, accuracy, -np.inf)
    highest: Array = accuracy.max(axis=-1)
    loss_there = np.where(finite & (accuracy == highest[..., None]), loss, np.inf)
    return highest, loss_there.min(axis=-1)


def incumbents(search: Search, moment: Moment) -> NDArray[np.int64]:
    """The candidate that would be picked after each number of candidates: shape ``(repeats, candidates)``.

    Entry ``[r, c]`` is the pick of repeat ``r`` had the search ended after candidate ``c``.
    """
    return _first_best(*(getattr(search, of_moment(kind, moment)) for kind in ("val_acc", "val_loss")))


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
