"""What a study consists of, what of it is missing, and how long that takes."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from rlflood.experiments.methods import Method
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.stacks import MOST_REPLICAS
from rlflood.experiments.study.cost import cost
from rlflood.experiments.study.file import Study, StudyTask
from rlflood.experiments.study.store import Store, Unit
from rlflood.training import Machine

StudyProgress: TypeAlias = Callable[[float, float, str], None]
"""Called as ``on_progress(done, total, what)``: the work by its estimated cost, and what is being done."""

# looking at the test loss, gradients and perturbed weights, in epochs of training for each epoch of a run
_DIAGNOSIS = 3.0
_MOST_ON_A_GPU = 1024
"""Runs of a unit; its memory may split them further."""
UNFINISHED = ".unfinished"
"""Folder of runs that have begun, below that of a study."""
_EVERYTHING = "all methods"


class Plan:
    """The units of a study and their costs.

    Making one checks what the missing units need: data, packages. What is done needs neither.

    Args:
        study: The study.
        store: Its results so far.
        machine: Where it is trained.

    Raises:
        InputError: if a method's name is unknown, there is no such device, or what is missing cannot be done
            because of a task's data or a package that is not installed.

    Attributes:
        machine: Where the study is trained, with a folder for runs that have begun.
        facts: What is known of the data of the tasks of which something is missing, by names of tasks.
    """

    def __init__(self, study: Study, store: Store, machine: Machine) -> None:
        self.study, self.store = study, store
        self.methods = {method.name: method for method in study.make_methods()}
        self.machine = replace(machine, checkpoints=store.folder / UNFINISHED)
        self.settings = {task.name: study.setting(task) for task in study.tasks}
        pending = self.pending()
        for name, method in sorted({(unit.task, unit.method) for unit in pending}):
            self.methods[method].check(self.settings[name].task)
        begun = {unit.task for unit in pending}
        self.facts = study.checked_data(
            [task.name for task in study.tasks if task.name in begun or self.undiagnosed(task)]
        )
        self._costs = {unit: cost(self.methods[unit.method], self.setting(unit)) for unit in pending}
        for task in study.tasks:
            self._costs[self.diagnosis(task)] = self._diagnosis_cost(task)

    def pending(self) -> list[Unit]:
        """The units that are not done, those of the first repeats first."""
        done = self.store.units()
        units = [
            unit
            for task in self.study.tasks
            for method in self.methods.values()
            for unit in missing(done, task.name, method, self.study.seeds, self._runs_together(task))
        ]
        return sorted(units, key=lambda unit: unit.first)

    def _runs_together(self, task: StudyTask) -> int:
        """How many runs of a task a unit should have."""
        if task.network != "mlp":
            return 1
        return _MOST_ON_A_GPU if self.machine.on_gpu else MOST_REPLICAS

    def setting(self, unit: Unit) -> Setting:
        """The unit's task with the seeds of its repeats."""
        return self.settings[unit.task].part(slice(unit.first, unit.first + unit.repeats))

    def diagnosis(self, task: StudyTask) -> Unit:
        """The diagnosis of a task's methods as a piece of work."""
        return Unit(task.name, _EVERYTHING, 0, min(self.study.diagnosed_seeds, self.study.seeds))

    def undiagnosed(self, task: StudyTask) -> list[str]:
        """The methods whose runs can be trained again from their levels and have not been."""
        if not self.study.diagnosed_seeds:
            return []
        known = self.store.diagnosed(task.name)
        usable = [method for method in self.methods.values() if method.floods and not method.oracle]
        return [method.name for method in usable if method.name not in known]

    def cost(self, unit: Unit) -> float:
        """The estimated cost of a unit or diagnosis; 0 for what was done before this plan was made."""
        return self._costs.get(unit, 0.0)

    @property
    def total(self) -> float:
        """The cost of everything that was missing when this plan was made."""
        return sum(self._costs.values())

    def finished(self) -> float:
        """The cost of what has been done since, by whichever process."""
        done = set(self.store.units())
        done |= {self.diagnosis(task) for task in self.study.tasks if not self.undiagnosed(task)}
        return sum(cost for unit, cost in self._costs.items() if unit in done)

    def _diagnosis_cost(self, task: StudyTask) -> float:
        methods = len(self.undiagnosed(task))
        if not methods:
            return 0.0
        one = self.setting(self.diagnosis(task))
        return (1 + _DIAGNOSIS) * methods * cost(self.methods[self.study.reference], one)


def missing(
    done: Iterable[Unit], task: str, method: Method, seeds: int, together: int = MOST_REPLICAS
) -> list[Unit]:
    """The units of a method on a task that are not done.

    Repeats are trained together in blocks of at most ``together`` runs, or of one repeat. A block's edges
    don't depend on what is done, so that a study that was interrupted trains the same stacks as one that
    was not.
    """
    have = {
        repeat
        for unit in done
        if (unit.task, unit.method) == (task, method.name)
        for repeat in range(unit.first, unit.first + unit.repeats)
    }
    block = max(1, together // method.width)
    units = []
    for start in range(0, seeds, block):
        left = [repeat for repeat in range(start, min(start + block, seeds)) if repeat not in have]
        if left:
            # what is done of a block was done when the study had fewer seeds: it lies in front
            units.append(Unit(task, method.name, left[0], len(left)))
    return units
