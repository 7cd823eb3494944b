"""What users do against wrong labels instead of flooding, alone or together with a method of one run."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError, use_one_of
from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.changed_task import OnChangedTask
from rlflood.experiments.methods.controller import ControllerMethod
from rlflood.experiments.methods.name import WITH, MethodName
from rlflood.experiments.methods.registry import get_method, register
from rlflood.experiments.methods.regularisers import one_after_the_other
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.metrics import Array
from rlflood.schedulers import ConstantFlood
from rlflood.strengths import STRENGTHS, CriterionName, checked_strength
from rlflood.training import Machine, Task

GRADIENTS = {"sam": 2}
"""Gradients that a step takes, where it is more than one: so many times fewer epochs make a run."""


class UnderCriterion(OnChangedTask, ScheduledMethod):
    """A method of one run on another criterion than the task's.

    With SAM, whose steps take two gradients, the run has half of the task's epochs; each of them stands for
    two in the record's curves and costs two.

    Args:
        name: The method's name.
        method: The method.
        criterion: What is trained.
        strength: The criterion's; None is the one that its paper has.

    Raises:
        InputError: if the criterion cannot have the strength.
    """

    def __init__(
        self, name: str, method: ScheduledMethod, criterion: CriterionName, strength: float | None = None
    ) -> None:
        checked_strength(criterion, strength)
        self.name, self.method, self.deployed = name, method, method.deployed
        self.needs_validation = method.needs_validation
        self._fields = {"criterion": criterion, "strength": strength}
        self._gradients = GRADIENTS.get(criterion, 1)

    def _runs(self, setting: Setting, machine: Machine, on_progress: Progress) -> Runs:
        total = setting.repeats * setting.task.epochs
        own = self.own(setting)
        runs = self.method.run(
            own, machine, lambda done, of: on_progress(min(self._gradients * done, total), total)
        ).runs
        epochs = np.minimum(np.arange(setting.task.epochs) // self._gradients, own.task.epochs - 1)

        def stretched(values: NDArray[Any]) -> NDArray[Any]:
            return values[:, epochs] if values.ndim == 2 else values

        return runs if self._gradients == 1 else runs.map(stretched)

    def changed(self, task: Task) -> Task:
        """See :meth:`OnChangedTask.changed`."""
        return task.model_copy(update={**self._fields, "epochs": max(1, task.epochs // self._gradients)})


class CriterionGrid(Method):
    """Trains a run without flooding at every strength of a criterion; picks one by validation accuracy.

    All runs of a repeat share its data, initialisation and batch order. Each strength is a stack of its own.

    Args:
        name: The method's name.
        criterion: What is trained.
        strengths: Shape ``(candidates,)``.
    """

    floods = False

    def __init__(self, name: str, criterion: CriterionName, strengths: Array) -> None:
        self.name, self.strengths = name, np.asarray(strengths, np.float64)
        self._under = {
            value: UnderCriterion(name, _unflooded(name), criterion, value)
            for value in self.strengths.tolist()
        }

    def epochs(self, task: Task) -> int:
        """One run a strength."""
        return len(self.strengths) * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""

        def run_strength(strength: float, advance: Progress) -> Runs:
            return self._under[strength].run(setting, machine, advance).runs

        return one_after_the_other(self.name, self.strengths, run_strength, on_progress, knob="strength")


def _smoothings(count: int) -> Array:
    """Evenly from -1 to 0.5, the one nearest to 0 being 0."""
    values = np.linspace(-1.0, 0.5, count).round(10)
    values[np.abs(values).argmin()] = 0.0
    return values


_GRIDS: dict[CriterionName, Callable[[int], Array]] = {
    "gce": lambda count: (np.arange(count) + 1) / count,
    "sce": lambda count: np.geomspace(0.1, 10, count).round(10),
    "elr": lambda count: np.linspace(0, 10, count).round(10),
    "mixup": lambda count: np.geomspace(0.25, 32, count).round(10),
    "sam": lambda count: np.geomspace(0.01, 0.5, count).round(10),
    "label-smoothing": _smoothings,
}
"""The strengths of each grid. Those of ELR, mixup and SAM span what the papers try."""
_WHAT: dict[CriterionName, str] = {
    "gce": "the generalised cross-entropy",
    "sce": "the symmetric cross-entropy",
    "elr": "early-learning regularisation (ELR)",
    "mixup": "samples mixed in pairs (mixup)",
    "sam": "sharpness-aware minimisation (SAM), half of the epochs with two gradients a step",
    "label-smoothing": "label smoothing, negative where its strength is",
}


def _unflooded(name: str) -> ScheduledMethod:
    return ScheduledMethod(name, lambda task: ConstantFlood(0.0), needs_validation=False)


def _strength(method: str, criterion: CriterionName, text: str, example: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        raise InputError(
            f"the method {method} takes a number as its strength, not {text!r}: write {example}"
        ) from None
    checked_strength(criterion, strength)
    return strength


def _register(criterion: CriterionName) -> None:
    @register(criterion, f"{_WHAT[criterion]} instead of flooding", argument="STRENGTH")
    def single(argument: str | None, options: MethodOptions) -> Method:
        example = f"{criterion}:{STRENGTHS[criterion].published:g}"
        strength = None if argument is None else _strength(criterion, criterion, argument, example)
        name = criterion if strength is None else f"{criterion}:{strength:g}"
        return UnderCriterion(name, _unflooded(name), criterion, strength)

    @register(f"{criterion}-grid", f"a grid search over the strength of {criterion}")
    def grid(argument: str | None, options: MethodOptions) -> Method:
        return CriterionGrid(f"{criterion}-grid", criterion, _GRIDS[criterion](options.runs))


for _criterion in _GRIDS:
    _register(_criterion)


@register(WITH, "a method of one run on another criterion", argument="CRITERION[=STRENGTH]:METHOD")
def _with(argument: str | None, options: MethodOptions) -> Method:
    example = "with:gce:tracking or with:gce=0.5:tracking"
    how, inner = MethodName(WITH, argument).nested or ("", "")
    criterion, equals, text = how.partition("=")
    if not (criterion and str(inner)):
        raise InputError(f"the method with needs a criterion and a method: write {example}")
    if criterion not in STRENGTHS:
        known = [name for name in get_args(CriterionName) if name in STRENGTHS]
        raise InputError(f"there is no criterion {criterion!r}: {use_one_of(criterion, known)}")
    strength = _strength(WITH, criterion, text, example) if equals else None
    method = get_method(str(inner), options)
    if not isinstance(method, ScheduledMethod) or isinstance(method, UnderCriterion):
        raise InputError(
            f"with puts a method of one run on a criterion, and {inner} is none or has one: "
            "give a scheduler or a controller, such as tracking"
        )
    if isinstance(method, ControllerMethod):
        method.check_under(criterion, strength)
    how = criterion if strength is None else f"{criterion}={strength:g}"
    return UnderCriterion(str(MethodName(WITH, f"{how}:{method.name}")), method, criterion, strength)
