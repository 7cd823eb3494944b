"""A trained controller as a method: one run."""

from collections.abc import Iterable
from pathlib import Path

from rlflood.control import Controller
from rlflood.experiments.methods.base import Method, ScheduledMethod
from rlflood.experiments.methods.changed_task import OnChangedTask
from rlflood.holding import Hold
from rlflood.schedulers import PolicyScheduler
from rlflood.training import Task

LEAST_VALIDATION = 50
"""Validation samples from which on a controller is of use: on fewer, what it sees is mostly chance."""


class ControllerMethod(ScheduledMethod):
    """Rolls a controller out, in one run a repeat.

    Args:
        file: The controller's file; its name without the suffix names the method.

    Raises:
        InputError: if the file is not a usable controller.
    """

    def __init__(self, file: str | Path) -> None:
        self.controller = Controller.load(file)
        spec = self.controller.spec
        super().__init__(
            Path(file).stem,
            self._scheduler,
            deployed="average" if spec.average else "last",
            floods=spec.hold == Hold() and not spec.returning,
            needs_validation=spec.needs_validation,
        )

    def _scheduler(self, task: Task) -> PolicyScheduler:
        return PolicyScheduler(self.controller, epochs=task.epochs, classes=task.source().classes)


def controller_of(method: Method) -> ControllerMethod | None:
    """The controller that a method runs, once or several times, on whatever task; None if it has none."""
    while hasattr(method, "method"):
        method = method.method
    return method if isinstance(method, ControllerMethod) else None


def _validation_samples(method: Method, task: Task) -> int:
    """How many a method has on a task: its own may be another one."""
    while hasattr(method, "method"):
        task = method.changed(task) if isinstance(method, OnChangedTask) else task
        method = method.method
    return task.val_size


def validation_warning(methods: Iterable[Method], task: Task) -> str | None:
    """What to tell whoever rolls controllers out on a task with too few validation samples, in one line.

    Returns:
        None if no controller that needs them is among the methods, alone or in several runs, or there are
        enough.
    """
    steered = {method.name: _validation_samples(method, task) for method in methods if _is_steered(method)}
    few = {name: samples for name, samples in steered.items() if samples < LEAST_VALIDATION}
    if not few:
        return None
    return (
        f"controllers are made for {LEAST_VALIDATION} validation samples and more, and there are "
        f"{' or '.join(map(str, sorted(set(few.values()))))}: do not rely on {', '.join(few)} here"
    )


def _is_steered(method: Method) -> bool:
    """Whether a controller goes by the validation in it."""
    controller = controller_of(method)
    return controller is not None and controller.needs_validation
