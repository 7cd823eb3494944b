"""Several runs of one method from different initialisations: what a search's budget buys without a search."""

from dataclasses import replace

import numpy as np

from rlflood.errors import InputError
from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.name import BEST_OF, MethodName
from rlflood.experiments.methods.registry import get_method, register, whole_number
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.training import Machine, Task


class BestOf(Method):
    """Trains one method ``restarts`` times and picks a run by validation accuracy.

    The restarts of a repeat share its data and differ in initialisation and batch order. The first is the
    run that the method alone would give; restart ``k`` does not depend on how many there are.

    Args:
        name: The method's name.
        method: A method of one run.
        restarts: How often it runs.
    """

    goes_on = True

    def __init__(self, name: str, method: ScheduledMethod, restarts: int) -> None:
        self.name, self.width = name, restarts
        self.method = method
        self.deployed, self.floods = method.deployed, method.floods

    def check(self, task: Task) -> None:
        """See :meth:`Method.check`: it needs what its method needs."""
        super().check(task)
        self.method.check(task)

    def epochs(self, task: Task) -> int:
        """One run a restart."""
        return self.width * self.method.epochs(task)

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        # replicas are independent, so the restarts of a repeat can be repeats of their own
        restarted = replace(
            setting,
            data_seeds=tuple(seed for seed in setting.data_seeds for _ in range(self.width)),
            network_seeds=tuple(
                restart_seed(seed, k) for seed in setting.network_seeds for k in range(self.width)
            ),
        )
        runs = self.method.run(restarted, machine, on_progress).runs
        values = np.tile(np.arange(self.width, dtype=np.float64), (setting.repeats, 1))
        return picked_record(self.name, runs, values, knob="restart", anytime=True, deployed=self.deployed)


def restart_seed(network_seed: int, restart: int) -> int:
    """The network seed of a restart; that of restart 0 is the repeat's own."""
    if restart == 0:
        return network_seed
    return int(np.random.SeedSequence(network_seed, spawn_key=(restart,)).generate_state(1)[0] >> 1)


@register(BEST_OF, "several runs of one method, picked by validation accuracy", argument="RUNS:METHOD")
def _best_of(argument: str | None, options: MethodOptions) -> Method:
    example = "best-of:5:tracking"
    count, name = MethodName(BEST_OF, argument).nested or ("", "")
    if not (count and str(name)):
        raise InputError(f"the method best-of needs a number of runs and a method: write {example}")
    restarts = whole_number(BEST_OF, count, 1, example)
    method = get_method(str(name), options)
    if not isinstance(method, ScheduledMethod):
        raise InputError(
            f"best-of runs a method of one run again, and {name} is none: "
            "give a scheduler or a controller, such as tracking"
        )
    return BestOf(str(MethodName(BEST_OF, f"{restarts}:{method.name}")), method, restarts)
