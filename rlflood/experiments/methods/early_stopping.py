"""Early stopping: what costs nothing, and what flooding must beat."""

from dataclasses import replace

from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine, Task


class EarlyStopping(Method):
    """No flooding; the weights of the best validation accuracy are restored at the end.

    There is no patience: the whole run is trained and paid for, so that the epoch of the best validation
    accuracy is among those seen. Ties go to the lower validation loss.
    """

    goes_on = True

    def __init__(self) -> None:
        self.name = "early-stopping"
        self._unflooded = ScheduledMethod(self.name, lambda task: ConstantFlood(0.0))

    def epochs(self, task: Task) -> int:
        """One run."""
        return self._unflooded.epochs(task)

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`. The curves are those of the whole run."""
        record = self._unflooded.run(setting, machine, on_progress)
        return replace(
            record,
            test_acc_final=record.test_acc_best,
            noisy_test_acc_final=record.noisy_test_acc_best,
        )


@register("early-stopping", "no flooding; the weights of the best validation accuracy at the end")
def _early_stopping(argument: str | None, options: MethodOptions) -> Method:
    return EarlyStopping()
