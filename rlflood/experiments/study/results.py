"""A study's results as the report and the export read them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlflood.data import Facts, facts_of
from rlflood.errors import InputError
from rlflood.experiments.methods import Method
from rlflood.experiments.runs.diagnosis import Diagnosis
from rlflood.experiments.runs.record import Record, ViewMoment
from rlflood.experiments.study.file import Study
from rlflood.experiments.study.folder import open_study
from rlflood.experiments.study.store import ENDED, Store
from rlflood.metrics import Array
from rlflood.training import Task


@dataclass(frozen=True, eq=False)
class Results:
    """What a study has so far.

    Attributes:
        study: The study.
        methods: Its methods, in its order.
        records: By names of task and method; every repeat that is done.
        repeats: The numbers of those repeats, in the order of the record.
        diagnoses: By names of task and method, of the methods that can have one.
        starts: The environment of each process that worked on it.
        seconds: What each method took on each task, over all repeats and whatever the machine.
        facts: What is known of the data, by name of task; an old study may not tell of a file of one's own.
        ended: When the last result was committed, by ISO 8601; None if the database is too old to say.
    """

    study: Study
    methods: list[Method]
    records: dict[tuple[str, str], Record]
    repeats: dict[tuple[str, str], list[int]]
    diagnoses: dict[tuple[str, str], Diagnosis]
    starts: list[dict[str, Any]]
    seconds: dict[tuple[str, str], float]
    facts: dict[str, Facts] = field(default_factory=dict)
    ended: str | None = None

    @property
    def finished(self) -> bool:
        """Whether every method has every repeat of every task."""
        return all(
            len(self.repeats.get((task.name, method.name), ())) == self.study.seeds
            for task in self.study.tasks
            for method in self.methods
        )

    @property
    def comparable(self) -> tuple[list[str], list[str], list[int]]:
        """Names of tasks, names of methods, and repeats that all have in common.

        Of an unfinished study, the tasks on which every method has run at all that has run on the first;
        what is compared over tasks is compared on these alone.
        """
        tasks = [task.name for task in self.study.tasks]
        begun = [task for task in tasks if any((task, m.name) in self.records for m in self.methods)]
        names = [m.name for m in self.methods if begun and (begun[0], m.name) in self.records]
        whole = [task for task in begun if all((task, name) in self.records for name in names)]
        common = set(range(self.study.seeds))
        for task in whole:
            for name in names:
                common &= set(self.repeats[task, name])
        return whole, names, sorted(common)

    def rows(self, task: str, method: str, repeats: Sequence[int]) -> list[int]:
        """Where these repeats are in the record of a method on a task."""
        return [self.repeats[task, method].index(repeat) for repeat in repeats]

    def scores(
        self, task: str, method: str, repeats: Sequence[int], *, moment: ViewMoment, noisy: bool
    ) -> Array:
        """Test accuracies of these repeats: shape ``(repeats,)``."""
        accuracy = self.records[task, method].test_accuracy(moment, noisy=noisy)
        return accuracy[self.rows(task, method, repeats)]

    def diverged(self, task: str, method: str, repeats: Sequence[int]) -> int:
        """How many of these repeats ended with a loss that is not finite."""
        return int(self.records[task, method].diverged[self.rows(task, method, repeats)].sum())


def load_results(folder: Path) -> Results:
    """Everything that the study in ``folder`` has so far. Its data are not opened: they may have gone.

    Raises:
        InputError: if there is no study, or nothing of it is done.
    """
    study, store = open_study(folder), Store(folder)
    methods = study.make_methods()
    records, repeats, diagnoses, seconds = {}, {}, {}, dict[tuple[str, str], float]()
    for unit, took in store.units().items():
        seconds[unit.task, unit.method] = seconds.get((unit.task, unit.method), 0.0) + took
    for task in study.tasks:
        for method in methods:
            key = task.name, method.name
            if (found := store.record(*key)) is not None:
                repeats[key], records[key] = found
            if (diagnosis := store.diagnosis(*key)) is not None:
                diagnoses[key] = diagnosis
    if not records:
        raise InputError(
            f"nothing of the study in {folder} is done yet: let `rlflood benchmark --out {folder}` go on"
        )
    facts = store.facts()
    for task in study.tasks:
        if task.name not in facts and (known := _known(task)) is not None:
            facts[task.name] = known
    return Results(
        study, methods, records, repeats, diagnoses, store.starts(), seconds, facts, store.meta(ENDED)
    )


def _known(task: Task) -> Facts | None:
    """What is known of a task's data where the study has no note of it."""
    try:
        return facts_of(task.data, target=task.target, options=task.data_options)
    except InputError:  # a name that this version does not know
        return None
