"""Other regularisers in flooding's place, each as a grid search over its strength."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.grid import even_levels
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.metrics import Array
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine, Task
from rlflood.training.task import OF_MLPS

HIGHEST_SHARE = 0.5
"""Of dropped units (Srivastava et al., JMLR 2014, drop half of the hidden ones)."""


class TaskGrid(Method):
    """Trains a run without flooding at every value of a field of the task; picks one by validation accuracy.

    All runs of a repeat share its data, initialisation and batch order. Each value is a stack of its own.

    Args:
        name: The method's name, with hyphens for the underscores of the task's field.
        values: What the field is set to, shape ``(candidates,)``; the task's own value is not used.
    """

    floods = False

    def __init__(self, name: str, values: Array) -> None:
        self.name = name
        self.values = np.asarray(values, np.float64)

    @property
    def _field(self) -> str:
        return self.name.replace("-", "_")

    def check(self, task: Task) -> None:
        """See :meth:`Method.check`."""
        super().check(task)
        if task.network != "mlp" and self._field in OF_MLPS:
            raise InputError(
                f"the method {self.name} is for the network mlp, not for {task.network}: leave it out"
            )

    def epochs(self, task: Task) -> int:
        """One run a value."""
        return len(self.values) * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""

        def run_value(value: float, advance: Progress) -> Runs:
            task = setting.task.model_copy(update={self._field: value})
            own = replace(setting, task=task)
            return run_schedule(own, lambda numbers: ConstantFlood(0.0), machine, on_progress=advance)

        return one_after_the_other(
            self.name, self.values, run_value, on_progress, knob=self.name.replace("-", " ")
        )


def one_after_the_other(
    name: str,
    values: Array,
    run_value: Callable[[float, Progress], Runs],
    on_progress: Progress,
    *,
    knob: str,
) -> Record:
    """A search whose candidates are trained one after the other, all repeats of each together.

    Args:
        name: The method's name.
        values: The candidates' settings, shape ``(candidates,)``.
        run_value: Gives the run of every repeat at a setting.
        on_progress: Told of the epochs of all candidates.
        knob: What they are settings of.
    """
    columns = []
    for k, value in enumerate(values.tolist()):

        def advance(done: int, of: int, before: int = k) -> None:
            on_progress(before * of + done, len(values) * of)

        columns.append(run_value(value, advance))
    repeats = len(columns[0].levels)
    # from the repeats of one value after the other to the candidates of one repeat after the other
    order = np.arange(len(columns) * repeats).reshape(len(columns), -1).T.ravel()
    runs = Runs.concat(columns).take(order)
    return picked_record(name, runs, np.tile(values, (repeats, 1)), knob=knob)


def weight_decays(count: int) -> Array:
    """0, and ``count - 1`` values spread evenly over 1e-5 to 1 on a logarithmic scale.

    They are the middles of equal parts of that range: of eleven values, ten from 1.8e-5 to 0.56, two to a
    decade. The range holds what is used with the coupled decay of ``adam`` and ``sgd`` (1e-5 to 1e-2) and
    with the decoupled one of ``adamw`` (1e-3 to 1).
    """
    parts = count - 1
    return np.array([0.0, *10.0 ** (-5 + 5 * (np.arange(parts) + 0.5) / parts)])


@register("weight-decay", "a grid search over weight decay instead of flooding")
def _weight_decay(argument: str | None, options: MethodOptions) -> Method:
    return TaskGrid("weight-decay", weight_decays(options.runs))


@register("dropout", "a grid search over dropout, 0 to 0.5, instead of flooding")
def _dropout(argument: str | None, options: MethodOptions) -> Method:
    return TaskGrid("dropout", even_levels(options.runs, HIGHEST_SHARE))
