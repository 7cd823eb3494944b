"""The runs that are committed with the documentation, as the statistics of ``rlflood report`` take them."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from rlflood.experiments.runs.record import score_field
from rlflood.experiments.study.file import Study, StudyTask, load_study
from rlflood.metrics import Array
from rlflood.training.trainer import Moment

Value = TypeVar("Value")

FOLDER = Path(__file__).parents[2] / "docs" / "results"


@dataclass(frozen=True, eq=False)
class KeptRuns:
    """A study and the file of its runs, ``runs.csv`` of ``rlflood export``.

    Attributes:
        study: What was compared.
        methods: Names of its methods, in its order.
        oracles: Those that saw the test split.
        rows: By names of task and method, and by number of the repeat, the row of the file.
    """

    study: Study
    methods: tuple[str, ...]
    oracles: frozenset[str]
    rows: dict[tuple[str, str], dict[int, dict[str, str]]]

    @property
    def tasks(self) -> list[StudyTask]:
        """The study's tasks, in its order."""
        return list(self.study.tasks)

    @property
    def repeats(self) -> list[int]:
        """Numbers of the repeats that all methods have on all tasks."""
        return sorted(set.intersection(*(set(rows) for rows in self.rows.values())))

    def only(self, wanted: Callable[[StudyTask], bool]) -> "KeptRuns":
        """The same with these tasks alone."""
        tasks = tuple(task for task in self.study.tasks if wanted(task))
        names = {task.name for task in tasks}
        rows = {key: rows for key, rows in self.rows.items() if key[0] in names}
        return replace(self, study=self.study.model_copy(update={"tasks": tasks}), rows=rows)

    @property
    def noises(self) -> list[float]:
        """The shares of wrong labels that tasks have."""
        return sorted({task.label_noise for task in self.study.tasks})

    def at_noise(self, noise: float) -> "KeptRuns":
        """The same with the tasks of this share of wrong labels alone."""
        return self.only(lambda task: task.label_noise == noise)

    def against(self, *, noisy: bool) -> "KeptRuns":
        """The same with test labels of that kind."""
        return replace(self, study=self.study.model_copy(update={"noisy_test": noisy}))

    def scores(self, method: str, moment: Moment = "last", repeats: Sequence[int] = ()) -> Array:
        """Test accuracies of a method, from 0 to 1: shape ``(tasks, seeds)``.

        Against noisy labels where the study's own figures are, else against clean ones.

        Args:
            method: Its name.
            moment: Which network of a run.
            repeats: Which repeats; those that all methods have on all tasks if not given.
        """
        return self._column(method, score_field(moment, noisy=self.study.noisy_test), repeats)

    def picked(self, method: str) -> Array:
        """The settings that a search picked: shape ``(tasks, seeds)``."""
        return self._column(method, "picked_last", ())

    def budget(self, method: str) -> float:
        """What a method spent in whole training runs, averaged over tasks and seeds."""
        epochs = np.array([[task.epochs] for task in self.study.tasks])
        return float((self._column(method, "epochs_spent", ()) / epochs).mean())

    def seeds(self) -> dict[int, tuple[str, str]]:
        """Seeds of the data and of the network, by number of the repeat."""
        found = {
            (repeat, row["data_seed"], row["network_seed"])
            for rows in self.rows.values()
            for repeat, row in rows.items()
        }
        return {repeat: (data, network) for repeat, data, network in sorted(found)}

    def _column(self, method: str, name: str, repeats: Sequence[int]) -> Array:
        numbers = repeats or self.repeats
        return np.array(
            [
                [float(self.rows[task.name, method][repeat][name]) for repeat in numbers]
                for task in self.study.tasks
            ]
        )


def renamed(row: dict[str, Value]) -> dict[str, Value]:
    """A row or a record by the present names of its fields: older files call the last epoch final."""
    return {name.replace("_final", "_last"): value for name, value in row.items()}


@lru_cache
def load(runs: str, study: str) -> KeptRuns:
    """Read a file of runs below ``docs/results``.

    Args:
        runs: Its name.
        study: The file of its study there, or the name of a study of rlflood.
    """
    loaded = load_study(str(FOLDER / study) if study.endswith(".toml") else study)
    rows: dict[tuple[str, str], dict[int, dict[str, str]]] = {}
    with (FOLDER / runs).open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["task"], row["method"]), {})[int(row["repeat"])] = renamed(row)
    methods = loaded.make_methods()
    return KeptRuns(
        loaded,
        tuple(method.name for method in methods),
        frozenset(method.name for method in methods if method.oracle),
        rows,
    )
