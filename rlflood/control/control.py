"""The loop between a run and a policy: when it decides, what it sees, which level follows."""

import numpy as np
from numpy.typing import NDArray

from rlflood.control.observation import Observer
from rlflood.control.overshoot import Overshoot
from rlflood.control.spec import ControlSpec
from rlflood.errors import InputError
from rlflood.metrics import Metrics, Values
from rlflood.state import Stateful


class Control(Stateful):
    """One run, or a stack of runs in step, under a policy.

    Environments and :class:`~rlflood.schedulers.policy.PolicyScheduler` both go through this class, so a
    controller sees and does in a user's loop exactly what it saw and did in training.

    Attributes:
        actions: The present choice of a level, or of a level and a strength, for each replica, shape
            ``(replicas,)`` or ``(1,)``: no return.
        returns: Whether the best weights are put back before the next epoch, likewise.

    Levels that go by the turning point are under the spec's
    :class:`~rlflood.control.safeguard.Safeguard`.

    Args:
        spec: How the policy is joined to the run.
        epochs: Epochs of the run. If there are fewer than ``spec.decisions``, every epoch is decided.
        classes: Number of classes, for all or of each replica; see ``Observer``.

    Raises:
        InputError: if ``epochs`` is not positive, or the classes are not told and have to be.
    """

    _state = ("observer", "actions", "returns", "decided", "overshoot")

    def __init__(self, spec: ControlSpec, *, epochs: int, classes: int | NDArray[np.int64] | None) -> None:
        if epochs < 1:
            raise InputError(f"a run has at least one epoch: got epochs={epochs}")
        if spec.levels.unit == "guessing" and classes is None:
            raise InputError(
                "levels that are multiples of the loss of guessing need the number of classes: give classes"
            )
        self.spec, self.epochs = spec, epochs
        self.decisions = min(spec.decisions, epochs)
        self.observer = Observer(
            spec.observation,
            epochs=epochs,
            decisions=self.decisions,
            classes=classes,
            rise=spec.safeguard.rise,
            sign=spec.turn,
        )
        self.actions: NDArray[np.int64] = np.zeros(1, np.int64)
        self.returns: NDArray[np.bool_] = np.zeros(1, bool)
        self.decided = 0
        self.overshoot = Overshoot()

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return self.observer.epoch

    @property
    def due(self) -> bool:
        """Whether the next epoch begins with a decision that has not been taken yet."""
        return self.decided < self.decisions and self.epoch >= self._begin(self.decided)

    @property
    def level(self) -> NDArray[np.float64]:
        """The level of the next epoch in nats: shape ``(replicas,)``, or ``(1,)`` while all are alike."""
        turn = self.observer.turning_point
        level = self.spec.levels.levels(
            self.spec.level_numbers(self.actions),
            turn.best_val_loss,
            turn.train_loss,
            self.observer.guessing_loss,
        )
        if not self._by_the_turn:
            return level
        return self.spec.safeguard.limited(
            level,
            turn=turn,
            overshoot=self.overshoot,
            train_loss=self.observer.train_loss,
            left=self.epochs - self.epoch,
        )

    @property
    def strength(self) -> NDArray[np.float64] | None:
        """The strength of the criterion in the next epoch, likewise; None where the policy sets none."""
        if not self.spec.strengths:
            return None
        return np.asarray(self.spec.strengths, np.float64)[self.spec.strength_numbers(self.actions)]

    @property
    def left_to_rule(self) -> NDArray[np.bool_]:
        """Whether the safeguard's rule has taken over from the policy, for each replica."""
        return self.overshoot.beyond(self.spec.safeguard.overshoot)

    def observation(self) -> NDArray[np.float32]:
        """What the policy sees now: shape ``(replicas, features)``."""
        seen = self.observer.features()
        if not self.spec.strengths:
            return seen
        highest = max(1, len(self.spec.strengths) - 1)
        place = self.spec.strength_numbers(self.actions).astype(np.float32) / np.float32(highest)
        replicas = max(len(seen), len(place))
        columns = (np.broadcast_to(part, (replicas, part.shape[1])) for part in (seen, place[:, None]))
        return np.concatenate(list(columns), axis=1)

    def act(self, actions: NDArray[np.int64]) -> None:
        """Take a decision: an action for each replica; :class:`ControlSpec` says what it stands for."""
        actions = np.asarray(actions, np.int64)
        self.returns = self.spec.is_return(actions)
        self.actions = np.where(self.returns, self.actions, actions)
        self.decided = self._begun()

    def update(self, metrics: Metrics, level: Values, *, validated: bool = True) -> None:
        """Take in the metrics of an epoch and the level, in nats, that it was trained at."""
        before, level = self.observer.level, np.atleast_1d(level)
        self.returns = np.zeros(1, bool)
        self.observer.update(metrics, level, validated=validated)
        if self._by_the_turn:
            self.overshoot.update(self.observer.train_loss, before, level)

    @property
    def _by_the_turn(self) -> bool:
        return self.spec.levels.unit == "turning-point"

    def go_on_to(self, epochs: int) -> None:
        """Let the run have so many epochs from now on: at least as many as it has seen.

        Decisions are spread over the whole of the new length; those that would have come by now are over.
        """
        self.epochs, self.decisions = epochs, min(self.spec.decisions, epochs)
        self.observer.go_on_to(epochs, self.decisions)
        self.decided = self._begun() if self.decided else 0

    def _begin(self, decision: int) -> int:
        return decision * self.epochs // self.decisions

    def _begun(self) -> int:
        """How many decisions should have been taken by now, the present one among them."""
        return min(self.decisions, -(-(self.epoch + 1) * self.decisions // self.epochs))
