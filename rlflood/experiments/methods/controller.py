"""A trained controller as a method: one run."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rlflood.control import Controller
from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, ScheduledMethod
from rlflood.experiments.methods.changed_task import OnChangedTask
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Progress, Setting, task_for
from rlflood.holding import Hold
from rlflood.schedulers import PolicyScheduler
from rlflood.strengths import CriterionName
from rlflood.training import Machine, Task

LEAST_VALIDATION = 50
"""Validation samples from which on a controller is of use: on fewer, what it sees is mostly chance."""


class ControllerMethod(ScheduledMethod):
    """Rolls a controller out, in one run a repeat, on the criterion that it is for if it is for one.

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
            floods=spec.hold == Hold() and not spec.returning and self.criterion is None,
            needs_validation=spec.needs_validation,
        )

    @property
    def criterion(self) -> CriterionName | None:
        """What it is for, whatever the task has; None if it is for none but the cross-entropy."""
        criterion = self.controller.spec.criterion
        return None if criterion == "cross-entropy" else criterion

    def check(self, task: Task) -> None:
        """See :meth:`Method.check`."""
        super().check(task)
        if self.criterion == "sam" != task.criterion:
            raise InputError(
                f"{self.name} is for sam, whose steps take two gradients: write with:sam:{self.name}, which "
                "trains half of the epochs"
            )

    def check_under(self, criterion: CriterionName, strength: float | None) -> None:
        """Make sure that it can be put on a criterion.

        Args:
            criterion: Which.
            strength: The strength that is asked for, if any.

        Raises:
            InputError: if the controller is for another criterion, or sets the strength itself.
        """
        if self.criterion not in (None, criterion):
            raise InputError(
                f"the controller {self.name} is for {self.criterion}, not for {criterion}: "
                f"write with:{self.criterion}:{self.name}, or its name alone"
            )
        if strength is not None and self.controller.spec.strengths:
            raise InputError(
                f"the controller {self.name} sets the strength of {criterion}: leave ={strength:g} out"
            )

    def _runs(self, setting: Setting, machine: Machine, on_progress: Progress) -> Runs:
        own = replace(setting, task=task_for(self.controller, setting.task))
        return super()._runs(own, machine, on_progress)

    def _scheduler(self, task: Task) -> PolicyScheduler:
        return PolicyScheduler(self.controller, epochs=task.epochs, classes=task.source().classes)


def controller_of(method: Method) -> ControllerMethod | None:
    """The controller that a method runs, once or several times, on whatever task; None if it has none."""
    while hasattr(method, "method"):
        method = method.method
    return method if isinstance(method, ControllerMethod) else None


def criterion_notes(methods: Iterable[Method]) -> list[str]:
    """What to tell whoever rolls controllers out that are for a criterion, one line a controller."""
    notes = {}
    for method in methods:
        used = controller_of(method)
        if used is not None and used.criterion is not None:
            sets = ", whose strength it sets" if used.controller.spec.strengths else ""
            notes[used.name] = f"{used.name} trains with {used.criterion}{sets}"
    return list(notes.values())


def _validation_samples(method: Method, task: Task) -> int:
    """How many a method has on a task: its own may be another one."""
    while hasattr(method, "method"):
        task = method.changed(task) if isinstance(method, OnChangedTask) else task
        method = method.method
    return task.val_size


def validation_warning(methods: Iterable[Method], task: Task) -> str | None:
    """What to tell whoever rolls controllers out on a task with too few validation samples, in one line.

    Returns:
        None if there are enough, or no controller needs them.
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
