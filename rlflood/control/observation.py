"""What a controller sees of a run: the same for environments, benchmarks and a user's own loop."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.control.course import Course, calibrated_loss
from rlflood.control.features import (
    COURSES,
    HIGHEST_LOSS,
    LOWEST_LOSS,
    OBSERVATIONS,
    UNVALIDATED,
    ObservationKind,
    Seen,
)
from rlflood.control.turning_point import RISE, TurningPoint, TurnSign
from rlflood.errors import InputError
from rlflood.metrics import Array, Metrics
from rlflood.state import Stateful


def _decay(epochs: int, decisions: int) -> float:
    """Of moving averages over the length of one decision, by the epoch."""
    return float(np.exp(-max(decisions, 1) / epochs))


_WITH_CLASSES: dict[ObservationKind, str] = {
    "metrics": "the raw metrics",
    "training": "the training alone",
    "complete": "the calibration of losses",
}
"""Kinds that mean nothing where the number of classes is not known, and what they show."""


def check_observation(kind: str) -> None:
    """Raise an InputError unless ``kind`` is a kind of observation."""
    if kind not in get_args(ObservationKind):
        raise InputError(f"unknown observation {kind!r}: use one of {', '.join(get_args(ObservationKind))}")


def bounds(kind: ObservationKind) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest value of each feature: two arrays of shape ``(features,)``."""
    features = OBSERVATIONS[kind]
    low, high = [feature.low for feature in features], [feature.high for feature in features]
    return np.array(low, np.float32), np.array(high, np.float32)


class Observer(Stateful):
    """Follows a run epoch by epoch and gives the features that a policy sees.

    The ``metrics`` features are the four raw metrics. The ``extended`` ones are comparable between
    problems: losses are divided by the loss of guessing, ``log(classes)``, and go by their logarithm to
    base 10; accuracies are measured from chance (0) to perfect (1); time is a share of the budget. Changes
    are against a moving average over the length of one decision. Nothing is normalised by statistics of a
    training set, so a controller carries none. The ``turning-point`` features measure the run by the point at
    which it first began to overfit, instead of by the clock; see
    :class:`~rlflood.control.turning_point.TurningPoint`. The ``training`` features are made of train loss and
    train accuracy alone; see :class:`~rlflood.control.course.Course`. The validation is not looked at then,
    whether there is one or not. The ``complete`` features are those of both, and how calibrated the best
    validation loss is.

    Before the first epoch the features are those of a network that guesses: nothing needs to be evaluated,
    and a run in an environment and one in a user's loop begin alike.

    A loss that is not finite counts as the highest, such an accuracy as that of guessing (0 among the raw
    metrics); neither is ever the best so far, and other replicas are not touched.

    Attributes:
        epoch: Epochs seen so far.
        level: What the last of them was trained at, in nats; 0 before the first.

    Args:
        kind: One of ``rlflood.control.features.OBSERVATIONS``.
        epochs: Epochs of the run.
        decisions: How many times a run the controller decides; sets the length of the moving averages.
        rise: How far above its best, as a share of it, a validation loss has turned.
        sign: What tells that a run has turned.
        classes: Number of classes, one for all replicas or an array ``(replicas,)``. ``None`` takes the
            first epoch's validation loss as the loss of guessing, right for a network that has hardly
            learned by then; ``metrics``, ``training`` and ``complete`` need them.

    Raises:
        InputError: for an unknown kind, one that needs ``classes`` without them, or fewer than two classes.
    """

    _state = (
        "epoch", "_classes_known", "_scale", "_chance", "_metrics", "level", "_best_val_acc", "_averages",
        "turning_point", "course",
    )  # fmt: skip

    def __init__(
        self,
        kind: ObservationKind,
        *,
        epochs: int,
        decisions: int,
        classes: int | NDArray[np.int64] | None,
        rise: float = RISE,
        sign: TurnSign = "loss",
    ) -> None:
        check_observation(kind)
        if kind in _WITH_CLASSES and classes is None:
            raise InputError(
                f"a controller that sees {_WITH_CLASSES[kind]} must be told the number of classes"
            )
        if classes is not None and np.min(classes) < 2:
            raise InputError(f"a problem has two classes or more: got classes={classes}")
        self.kind, self.epochs = kind, epochs
        self._decay = _decay(epochs, decisions)
        self.epoch = 0
        # the loss of guessing and the accuracy of guessing; 1 and 0 stand in until they are known
        self._classes_known: NDArray[np.bool_] = np.full(1, classes is not None)
        self._scale: Array = np.ones(1) if classes is None else np.log(np.atleast_1d(classes).astype(float))
        self._chance: Array = np.zeros(1) if classes is None else 1 / np.atleast_1d(classes)
        # rows: train loss, train accuracy, validation loss, validation accuracy
        self._metrics: Array = np.stack([self._scale, self._chance, self._scale, self._chance])
        self.level: Array = np.zeros(1)
        self._best_val_acc: Array = np.full(1, -np.inf)
        self._averages: Array = self._followed()
        self.turning_point = TurningPoint(rise, sign)
        self.course = Course()

    def update(self, metrics: Metrics, level: Array, *, validated: bool = True) -> None:
        """Take in the metrics of an epoch and the level, in nats, that it was trained at.

        Where it was not ``validated``, what is known of the validation stays as it was.
        """
        validated = validated and self.kind not in UNVALIDATED
        rows = [metrics.train_loss, metrics.train_acc, metrics.val_loss, metrics.val_acc]
        values = np.stack([np.atleast_1d(np.asarray(row, float)) for row in rows])
        if not validated:
            values[2:] = self._metrics[2:]
        elif not self._classes_known.all():
            # by the first validation loss that is one
            first = ~self._classes_known & np.isfinite(values[2])
            scale = np.clip(np.where(first, values[2], 1.0), np.log(2), np.log(100_000))
            self._scale = np.where(first, scale, self._scale)
            self._chance = np.where(first, np.exp(-scale), self._chance)
            self._classes_known = self._classes_known | first
        self.epoch += 1
        train_loss, _, val_loss, val_acc = values
        self.turning_point.update(self.epoch, train_loss, val_loss if validated else None, val_acc)
        before: Array = self._metrics[0]
        self._metrics, self.level = values, np.broadcast_to(level, val_loss.shape).copy()
        self._best_val_acc = np.fmax(self._best_val_acc, np.where(np.isfinite(val_acc), val_acc, -np.inf))
        decay = self._decay if self.epoch > 1 else 0.0
        with np.errstate(over="ignore"):  # as in features()
            self._averages = decay * self._averages + (1 - decay) * self._followed()
            if self.kind in COURSES:
                log_loss = self._log_loss(train_loss)
                self.course.update(
                    log_loss,
                    self._accuracy(values[1]),
                    self._calibration(train_loss, values[1]),
                    fall=self._log_loss(before) - log_loss,
                    decay=decay,
                    first=self.epoch == 1,
                )

    def go_on_to(self, epochs: int, decisions: int) -> None:
        """Let the run have so many epochs and decisions from now on."""
        self.epochs, self._decay = epochs, _decay(epochs, decisions)

    @property
    def best_val_loss(self) -> Array:
        """The lowest validation loss so far, in nats; infinite before the first epoch."""
        return self.turning_point.best_val_loss

    @property
    def train_loss(self) -> Array:
        """The last epoch's train loss, in nats; that of guessing before the first."""
        train_loss: Array = self._metrics[0]
        return train_loss

    @property
    def guessing_loss(self) -> Array:
        """The loss of guessing, in nats; 1 until it is known."""
        return self._scale

    def features(self) -> NDArray[np.float32]:
        """What the policy sees now: shape ``(replicas, features)``."""
        with np.errstate(over="ignore"):  # what overflows is clipped like any other extreme
            seen = self._seen()
            values = (feature.of(seen) for feature in OBSERVATIONS[self.kind])
            columns = np.stack(np.broadcast_arrays(*values))
        low, high = bounds(self.kind)
        features: NDArray[np.float32] = np.clip(columns.T, low, high).astype(np.float32)
        return features

    def _log_loss(self, loss: Array) -> Array:
        relative = np.where(np.isfinite(loss), loss, np.inf) / self._scale
        return np.log10(np.clip(relative, LOWEST_LOSS, HIGHEST_LOSS))

    def _accuracy(self, accuracy: Array) -> Array:
        accuracy = np.where(np.isfinite(accuracy), accuracy, self._chance)
        return np.clip((accuracy - self._chance) / (1 - self._chance), -1.0, 1.0)

    def _calibration(self, loss: Array, accuracy: Array) -> Array:
        """Log of a loss over that of a calibrated predictor of the accuracy."""
        if self.kind not in COURSES:  # the classes may be unknown
            return np.zeros(1)
        accuracy = np.where(np.isfinite(accuracy), accuracy, self._chance)
        calibrated = calibrated_loss(accuracy, 1 / self._chance)
        return np.asarray(self._log_loss(loss) - np.log10(calibrated / self._scale))

    def _followed(self) -> Array:
        """What the moving averages follow: rows of shape ``(3, replicas)``."""
        train_loss, _, val_loss, val_acc = self._metrics
        return np.stack([self._log_loss(train_loss), self._log_loss(val_loss), self._accuracy(val_acc)])

    def _seen(self) -> Seen:
        train_loss, train_acc, val_loss, val_acc = self._metrics
        started, turn = self.epoch > 0, self.turning_point
        best = turn.best_val_loss if started else val_loss
        at_best = np.where(np.isfinite(best), turn.train_loss_at_best, train_loss) if started else train_loss
        worst = np.array([[np.inf], [0.0], [np.inf], [0.0]])
        return Seen(
            epoch=self.epoch,
            epochs=self.epochs,
            turn=turn,
            metrics=np.where(np.isfinite(self._metrics), self._metrics, worst),
            scale=self._scale,
            level=self.level,
            train_loss_at_best=at_best,
            log_train_loss=self._log_loss(train_loss),
            log_val_loss=self._log_loss(val_loss),
            log_best_val_loss=self._log_loss(best),
            log_train_loss_at_best=self._log_loss(at_best),
            train_acc=self._accuracy(train_acc),
            val_acc=self._accuracy(val_acc),
            best_val_acc=self._accuracy(self._best_val_acc if started else val_acc),
            changes=self._followed() - self._averages,
            chance=self._chance,
            calibration=self._calibration(train_loss, train_acc),
            course=self.course,
            train_changes=self.course.changes(self._log_loss(train_loss), self._accuracy(train_acc)),
            best_calibration=self._calibration(best, self._best_val_acc if started else val_acc),
        )
