"""A controller as a scheduler."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlflood.control.control import Control
from rlflood.control.controller import Controller, Memory
from rlflood.control.shipped import controller_file
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.base import FloodScheduler

if TYPE_CHECKING:
    from torch import Tensor


class PolicyScheduler(FloodScheduler):
    """Floods as a trained controller says, on any data set, in one run.

    The controller takes its most probable action at each of its decisions, which are spread evenly over the
    run, so the same metrics always give the same levels. That takes NumPy and safetensors alone; PyTorch is
    for calling it on losses.

    One that goes by the training alone (:attr:`needs_validation` is False) is told ``train_loss`` and
    ``train_acc``, and needs no validation split; whatever is told of a validation changes nothing.

    Args:
        controller: A controller, or the path of its file.
        epochs: Epochs of the run, which the controller is told as ``OneCycleLR`` is: it must be right.
        classes: Number of classes of the problem, or of each replica's. Without it the first epoch's
            validation loss is taken for the loss of guessing; give it where the first epoch already learns a
            lot (many mini-batches). Controllers that go by the training alone must have it.
        replicas: see :class:`~rlflood.schedulers.base.FloodScheduler`; not needed where ``classes`` are those
            of each replica.
        hold: see :class:`~rlflood.schedulers.base.FloodScheduler`.

    Attributes:
        control: How the policy and the run are joined: what it sees, and which level follows.

    Raises:
        InputError: if the file is not a usable controller, ``epochs`` is not positive, or the controller has
            to be told ``classes`` and is not.
    """

    _state = ("control", "_memory")
    _settings = ("epochs", "classes", "_controller")

    def __init__(
        self,
        controller: Controller | str | Path,
        *,
        epochs: int,
        classes: int | NDArray[np.int64] | None = None,
        replicas: int | None = None,
        hold: Hold | None = None,
    ) -> None:
        self.controller = controller if isinstance(controller, Controller) else Controller.load(controller)
        self.epochs, self.classes = epochs, classes
        self.criterion = self.controller.spec.criterion
        self._controller = self.controller.fingerprint
        self.needs_validation = self.controller.spec.needs_validation
        self.returning = self.controller.spec.returning
        self.control = Control(self.controller.spec, epochs=epochs, classes=classes)
        self._memory: Memory | None = None
        level = self._decided_level()
        many = np.ndim(0 if classes is None else classes) > 0
        super().__init__(
            initial_level=level if many else float(level[0]),
            replicas=replicas,
            hold=self.controller.spec.hold if hold is None else hold,
        )

    @property
    def returns(self) -> NDArray[np.bool_] | bool:
        """See :attr:`FloodScheduler.returns`."""
        return self.control.returns

    @property
    def strength(self) -> Values | None:
        """See :attr:`FloodScheduler.strength`: of the shape of the level."""
        strength = self.control.strength
        if strength is None:
            return None
        shape = np.shape(self._level)
        return np.broadcast_to(strength, shape).copy() if shape else float(strength[0])

    @property
    def left_to_rule(self) -> NDArray[np.bool_]:
        """Whether the network has been carried so far beyond a level that a rule steers the rest of the run.

        Shape ``(replicas,)``, or ``(1,)`` while all are alike. The rule is that of
        :class:`~rlflood.schedulers.rewind.RewindFlood`; see :class:`~rlflood.control.safeguard.Safeguard`.
        """
        return self.control.left_to_rule

    def __call__(self, loss: "Tensor", *, plain: "Tensor | None" = None, parts: int = 1) -> "Tensor":
        """See :meth:`FloodScheduler.__call__`.

        Raises:
            InputError: if the controller is for another criterion than the cross-entropy, and ``plain`` does
                not say that the loss is one of it.
        """
        if plain is None and self.criterion != "cross-entropy":
            raise InputError(
                f"this controller is for {self.criterion}, not for a plain loss: train with "
                f'rlflood.RobustLoss("{self.criterion}", scheduler, ...), which calls the scheduler itself'
            )
        return super().__call__(loss, plain=plain, parts=parts)

    def _next_level(self, metrics: Metrics) -> Values:
        self.control.update(metrics, self._level)
        return self._decided_level()

    def _unvalidated_level(self, metrics: Metrics) -> Values:
        self.control.update(metrics, self._level, validated=False)
        if not self.needs_validation:
            return self._decided_level()
        # no decision either: one that falls due waits for the next validation
        return self._level

    def _go_on_to(self, epochs: int) -> None:
        super()._go_on_to(epochs)
        self.control.go_on_to(epochs)

    def _decided_level(self) -> NDArray[np.float64]:
        if self.control.due:
            self._decide()
        return self.control.level

    def _decide(self) -> None:
        """Take the decision that is due."""
        actions, self._memory = self.controller.act(self.control.observation(), self._memory)
        self.control.act(actions)


def load_controller(
    controller: str | Path,
    *,
    epochs: int,
    classes: int | NDArray[np.int64] | None = None,
    replicas: int | None = None,
    hold: Hold | None = None,
) -> PolicyScheduler:
    """A controller that comes with rlflood, by its name, or one's own, by the path of its file.

    Ready for a run of ``epochs``; see :class:`PolicyScheduler`. ``rlflood list controllers`` shows the names.

    Example::

        scheduler = rlflood.load_controller("default", epochs=100, classes=10)

    Raises:
        InputError: if there is no such controller, or its file is not usable.
    """
    file = controller_file(controller)
    return PolicyScheduler(file, epochs=epochs, classes=classes, replicas=replicas, hold=hold)
