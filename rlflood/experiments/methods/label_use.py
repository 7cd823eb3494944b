"""What the labels that there are are used for: all to train on, or half of them to validate on."""

from dataclasses import replace
from typing import Any

from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.changed_task import OnChangedTask
from rlflood.experiments.methods.name import ALL, HALF, MethodName
from rlflood.experiments.methods.registry import get_method, register
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.training import Machine, Task
from rlflood.validation import validated


class OnLabels(OnChangedTask):
    """A method on as many labels as the task's training and validation split have together.

    A run has the task's number of epochs, whatever the number of samples in each.

    Args:
        kind: ``all`` to train on all of them, which is for methods that need no validation split; ``half`` to
            train on one half (the larger, if they are not even) and validate on the other.
        method: The method.
    """

    def __init__(self, kind: str, method: Method) -> None:
        self.name = str(MethodName(kind, method.name))
        self.kind, self.method = kind, method
        self.width, self.oracle, self.goes_on = method.width, method.oracle, method.goes_on
        self.deployed, self.needs_validation = method.deployed, method.needs_validation

    def changed(self, task: Task) -> Task:
        """See :meth:`OnChangedTask.changed`."""
        labels = task.train_size + task.val_size
        fields: dict[str, Any] = {"joined": self.kind == ALL}
        if self.kind == HALF:
            fields |= {"train_size": labels - labels // 2, "val_size": labels // 2}
        return validated(type(task), {**task.model_dump(), **fields}, f"the task as {self.name} has it")

    def epochs(self, task: Task) -> int:
        """Those of the method."""
        return self.method.epochs(self.changed(task))

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        return replace(self.method.run(self.own(setting), machine, on_progress), method=self.name)


def _register(kind: str, summary: str, example: str) -> None:
    @register(kind, summary, argument="METHOD")
    def build(argument: str | None, options: MethodOptions) -> Method:
        if not argument:
            raise InputError(f"the method {kind} needs a method after a colon: write {example}")
        method = get_method(argument, options)
        if isinstance(method, OnLabels):
            raise InputError(
                f"{kind} says what the labels are for, and so does {method.name}: take one of them"
            )
        return OnLabels(kind, method)


_register(ALL, "a method that needs no validation split, trained on its labels too", "all:none")
_register(HALF, "a method on as many labels, half of them for validation", "half:early-stopping")
