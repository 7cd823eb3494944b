"""What a controller may see of a run: the features, and the kinds of observation that are made of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rlflood.control.course import Course
from rlflood.control.turning_point import TurningPoint
from rlflood.metrics import Array

ObservationKind = Literal["metrics", "extended", "turning-point", "training", "complete"]

LOWEST_LOSS, HIGHEST_LOSS = 1e-3, 10.0
"""Relative to the loss of guessing; beyond lies nothing to tell apart."""
_LOWEST, _HIGHEST = float(np.log10(LOWEST_LOSS)), float(np.log10(HIGHEST_LOSS))
_SPAN = np.log10(HIGHEST_LOSS) - np.log10(LOWEST_LOSS)


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as an :class:`~rlflood.control.observation.Observer` sees it: what features are computed from.

    Arrays have shape ``(replicas,)``. "Log" is the logarithm to base 10 of a loss over that of guessing.
    Accuracies are measured from chance (0) to perfect (1). What is best so far is what is there, before the
    first epoch.

    Attributes:
        epoch: Epochs seen so far.
        epochs: Of the whole run.
        turn: Where it turned.
        metrics: The last epoch's as they are: rows of train loss, train accuracy, validation loss, validation
            accuracy, the worst where one is not finite.
        scale: The loss of guessing, in nats.
        level: Of the last epoch, in nats.
        train_loss_at_best: At the best validation loss, in nats.
        log_train_loss, log_val_loss, log_best_val_loss, log_train_loss_at_best: See above.
        train_acc, val_acc, best_val_acc: See above.
        changes: Of log train loss, log validation loss and validation accuracy against their moving averages
            over the length of a decision: shape ``(3, replicas)``.
        chance: The accuracy of guessing.
        calibration: Log of the train loss over that of a calibrated predictor of the train accuracy
            (:func:`~rlflood.control.course.calibrated_loss`).
        course: How the training has gone.
        train_changes: Of log train loss and train accuracy against the averages of the course: shape
            ``(4, replicas)``.
        best_calibration: As ``calibration``, of the best validation loss and the best validation accuracy.

    The last four are followed for the kinds that show them, and 0 for others.
    """

    epoch: int
    epochs: int
    turn: TurningPoint
    metrics: Array
    scale: Array
    level: Array
    train_loss_at_best: Array
    log_train_loss: Array
    log_val_loss: Array
    log_best_val_loss: Array
    log_train_loss_at_best: Array
    train_acc: Array
    val_acc: Array
    best_val_acc: Array
    changes: Array
    chance: Array
    calibration: Array
    course: Course
    train_changes: Array
    best_calibration: Array


@dataclass(frozen=True, slots=True)
class Feature:
    """One number that a policy sees of each replica.

    Attributes:
        name: As it stands in controllers' files.
        low: The lowest value; what is below is clipped.
        high: The highest.
        of: Its value: a number, or shape ``(replicas,)``.
    """

    name: str
    low: float
    high: float
    of: Callable[[Seen], Array | float]


_Features: TypeAlias = tuple[Feature, ...]

_RAW: _Features = (
    Feature("train loss", 0.0, float(np.finfo(np.float32).max), lambda seen: seen.metrics[0]),
    Feature("train accuracy", 0.0, 1.0, lambda seen: seen.metrics[1]),
    Feature("validation loss", 0.0, float(np.finfo(np.float32).max), lambda seen: seen.metrics[2]),
    Feature("validation accuracy", 0.0, 1.0, lambda seen: seen.metrics[3]),
)
# what several kinds have
_BUDGET = Feature("share of the budget spent", 0.0, 1.0, lambda seen: seen.epoch / seen.epochs)
_LEVEL = Feature("level", 0.0, 2.0, lambda seen: seen.level / seen.scale)
_LOG_TRAIN_LOSS = Feature("log train loss", _LOWEST, _HIGHEST, lambda seen: seen.log_train_loss)
_TRAIN_ACCURACY = Feature("train accuracy", -1.0, 1.0, lambda seen: seen.train_acc)
_LOG_BEST_VAL_LOSS = Feature(
    "log best validation loss", _LOWEST, _HIGHEST, lambda seen: seen.log_best_val_loss
)
_LOG_TRAIN_LOSS_AT_BEST = Feature(
    "log train loss at the best validation loss", _LOWEST, _HIGHEST, lambda seen: seen.log_train_loss_at_best
)
_ACCURACIES: _Features = (
    _TRAIN_ACCURACY,
    Feature("validation accuracy", -1.0, 1.0, lambda seen: seen.val_acc),
    Feature("best validation accuracy", -1.0, 1.0, lambda seen: seen.best_val_acc),
)
_CHANGES: _Features = (
    Feature("change of log train loss", -_SPAN, _SPAN, lambda seen: seen.changes[0]),
    Feature("change of log validation loss", -_SPAN, _SPAN, lambda seen: seen.changes[1]),
    Feature("change of validation accuracy", -2.0, 2.0, lambda seen: seen.changes[2]),
)
_EXTENDED: _Features = (
    _BUDGET,
    Feature(
        "share of the budget since the best validation loss", 0.0, 1.0,
        lambda seen: (seen.epoch - seen.turn.best_epoch) / seen.epochs,
    ),
    _LEVEL,
    Feature(
        "level over best validation loss", 0.0, 2.0,
        lambda seen: seen.level / np.where(seen.turn.best_val_loss > 0, seen.turn.best_val_loss, np.inf),
    ),
    _LOG_TRAIN_LOSS,
    Feature("log validation loss", _LOWEST, _HIGHEST, lambda seen: seen.log_val_loss),
    _LOG_BEST_VAL_LOSS,
    _LOG_TRAIN_LOSS_AT_BEST,
    *_ACCURACIES,
    Feature("accuracy gap", -2.0, 2.0, lambda seen: seen.train_acc - seen.val_acc),
    *_CHANGES,
)  # fmt: skip
_TURNING_POINT: _Features = (
    Feature("has turned", 0.0, 1.0, lambda seen: seen.turn.turned.astype(float)),
    Feature(
        "log budget left over the turn", -2.0, 2.0,
        lambda seen: np.log10(np.maximum(seen.epochs - seen.epoch, 0.1) / seen.turn.epoch),
    ),
    Feature(
        "log train loss over that at the best validation loss", -_SPAN, _SPAN,
        lambda seen: seen.log_train_loss - seen.log_train_loss_at_best,
    ),
    Feature(
        "log validation loss over its best", -_SPAN, _SPAN,
        lambda seen: seen.log_val_loss - seen.log_best_val_loss,
    ),
    _LOG_BEST_VAL_LOSS,
    _LOG_TRAIN_LOSS_AT_BEST,
    Feature(
        "level over the train loss at the best validation loss", 0.0, 2.0,
        lambda seen: seen.level
        / np.where(seen.train_loss_at_best > 0, seen.train_loss_at_best, np.inf),
    ),
    *_ACCURACIES,
    *_CHANGES,
)  # fmt: skip
# of the training alone. At a plateau the train loss is near that of a calibrated predictor if labels are
# wrong, and below it if the problem is merely hard: the network is then surer of some samples than of others
_CALIBRATION = "log train loss over that of a calibrated predictor"
_TRAINING: _Features = (
    _BUDGET,
    Feature("log number of classes", 0.0, 2.5, lambda seen: -np.log10(seen.chance) / 2),
    _LOG_TRAIN_LOSS,
    _TRAIN_ACCURACY,
    _LEVEL,
    Feature(_CALIBRATION, -_SPAN, _SPAN, lambda seen: seen.calibration),
    Feature("change of log train loss", -_SPAN, _SPAN, lambda seen: seen.train_changes[0]),
    Feature("change of train accuracy", -2.0, 2.0, lambda seen: seen.train_changes[1]),
    Feature("slow change of log train loss", -_SPAN, _SPAN, lambda seen: seen.train_changes[2]),
    Feature("slow change of train accuracy", -2.0, 2.0, lambda seen: seen.train_changes[3]),
    Feature("largest fall of log train loss", 0.0, _SPAN, lambda seen: seen.course.largest_fall),
    Feature("fall of log train loss over the largest", -2.0, 1.0, lambda seen: seen.course.relative_fall),
    Feature(f"lowest {_CALIBRATION}", -_SPAN, _SPAN, lambda seen: seen.course.lowest_calibration),
)
# all that is known: for policies that choose a criterion's strength, which have to tell noise from
# difficulty before the run has turned
_COMPLETE: _Features = (
    *_TURNING_POINT,
    *(feature for feature in _TRAINING if feature.name not in {known.name for known in _TURNING_POINT}),
    Feature(
        "log best validation loss over that of a calibrated predictor", -_SPAN, _SPAN,
        lambda seen: seen.best_calibration,
    ),
)  # fmt: skip

OBSERVATIONS: dict[ObservationKind, _Features] = {
    "metrics": _RAW,
    "extended": _EXTENDED,
    "turning-point": _TURNING_POINT,
    "training": _TRAINING,
    "complete": _COMPLETE,
}
"""What each kind of observation shows, in order. Files of controllers name their features: a kind that
controllers were trained with stays as it is, and other features make another kind."""

STRENGTH = "place of the strength"
"""What a policy that sets the strength of a criterion sees besides, as its last feature: the place of the
present one among those that it chooses from, from the lowest (0) to the highest (1)."""

FEATURES: dict[ObservationKind, tuple[str, ...]] = {
    kind: tuple(feature.name for feature in features) for kind, features in OBSERVATIONS.items()
}
"""Their names, but for :data:`STRENGTH`."""

UNVALIDATED: frozenset[ObservationKind] = frozenset({"training"})
"""The kinds that show nothing of the validation."""

COURSES: frozenset[ObservationKind] = frozenset({"training", "complete"})
"""The kinds that show how the training has gone; the number of classes has to be known for them."""
