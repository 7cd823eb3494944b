"""Studies: tasks x methods x seeds, in TOML."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rlflood.data import FILE_ENDINGS, Facts
from rlflood.errors import InputError
from rlflood.experiments.methods import Method, MethodName, MethodOptions, get_methods
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.sizes import filled_sizes
from rlflood.extras import MissingPackage
from rlflood.toml_files import read_toml, toml_names
from rlflood.training import Task
from rlflood.validation import validated

_STUDIES = ("rlflood.experiments.study", "studies")
# what a task may give several values of, one task each; a list of any other key means itself or a mistake
_LISTED = ("data", "label_noise", "train_size", "batch_size", "learning_rate", "epochs")


class StudyTask(Task):
    """A task with the name that tables give it."""

    name: Annotated[str, Field(min_length=1)]


@contextmanager
def of_the_task(task: StudyTask) -> Iterator[None]:
    """Let the message of an InputError begin with the task's name."""
    try:
        yield
    except MissingPackage:  # whatever the task is
        raise
    except InputError as error:
        raise InputError(f"the task {task.name!r}: {error}") from None


class Study(BaseModel):
    """What is compared, on what, and how often.

    Attributes:
        name: What the study is called.
        seeds: Repeats of every method on every task, each with seeds of its own that all methods share.
        seed: Where the repeats' seeds come from.
        methods: Names of ``rlflood list methods`` and files of controllers.
        reference: The method that differences are taken from.
        runs: The budget of a search, in whole training runs.
        highest_level: The highest flood level that searches try, in nats.
        noisy_test: Whether the headline figures are against test labels with the task's noise, as in the
            paper, instead of clean ones. Both are always recorded.
        diagnosed_seeds: Repeats whose runs are trained once more for test-loss and flatness curves.
        tasks: The learning problems.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1)]
    seeds: PositiveInt = 10
    seed: NonNegativeInt = 0
    methods: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "none", "early-stopping", "grid", "tpe", "adaptive", "tracking",
    )  # fmt: skip
    reference: str = "none"
    runs: Annotated[int, Field(ge=2)] = 11
    highest_level: PositiveFloat = 0.5
    noisy_test: bool = False
    diagnosed_seeds: NonNegativeInt = 1
    tasks: Annotated[tuple[StudyTask, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> "Study":
        names = [task.name for task in self.tasks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two tasks are called {name!r}: give each a name of its own")
        if self.diagnosed_seeds and any(task.network != "mlp" for task in self.tasks):
            raise ValueError("diagnosed_seeds is for tasks of the network mlp: set it to 0")
        return self

    def make_methods(self) -> list[Method]:
        """The methods, ready to run.

        Raises:
            InputError: if a name is unknown, a controller's file not usable, or the reference not among them.
        """
        methods = get_methods(self.methods, MethodOptions(self.runs, self.highest_level))
        if self.reference not in [method.name for method in methods]:
            raise InputError(
                f"the study {self.name} compares with {self.reference!r}, which is not among its methods: "
                "add it to methods, or set reference to one of them"
            )
        return methods

    def checked_data(self, tasks: Collection[str] | None = None) -> dict[str, Facts]:
        """Load the data, which nothing else of a study does, and make sure that they can be split.

        Args:
            tasks: Names of those to look at; all if not given.

        Returns:
            What is known of the data now, by names of tasks.

        Raises:
            InputError: naming the task whose data cannot be used.
        """
        found = {}
        for task in self.tasks:
            if tasks is not None and task.name not in tasks:
                continue
            with of_the_task(task):
                task.check_data()
                found[task.name] = task.source().facts
        return found

    def setting(self, task: Task) -> Setting:
        """The task with the seeds of all repeats."""
        return Setting.from_seed(task, self.seed, self.seeds)


def study_names() -> tuple[str, ...]:
    """The studies that come with the package."""
    return toml_names(*_STUDIES)


def load_study(
    name: str, *, also: tuple[str, ...] = (), seeds: int | None = None, runs: int | None = None
) -> Study:
    """A study that comes with the package, or one's own ``.toml`` file.

    Paths in a file are taken from the folder that it lies in. No data are loaded, but for a file of one's own
    that a size is missing for; :func:`start_study` does that.

    Args:
        name: A name of :func:`study_names`, or a path that ends in ``.toml``.
        also: Methods to compare besides the study's own; paths from the current folder.
        seeds: Another number of repeats than the study's.
        runs: Another budget of a search than the study's.

    Raises:
        InputError: if there is no such study, or something in it is wrong: the message names the key.
    """
    values = read_toml(name, "study", *_STUDIES)
    folder = Path(name).parent if name.endswith(".toml") else Path()
    changes = {"seeds": seeds, "runs": runs}
    values |= {key: value for key, value in changes.items() if value is not None}
    study = resolved(values, f"study {name}", folder)
    return study.model_copy(update={"methods": tuple(dict.fromkeys((*study.methods, *also)))})


def resolved(values: Mapping[str, Any], where: str, folder: Path = Path()) -> Study:
    """The study with every default filled in and one task for each value of a list.

    Only a file of one's own that a size is missing for is opened.

    Args:
        values: What the TOML holds.
        where: Where it comes from, for messages.
        folder: What its paths start from.

    Raises:
        InputError: naming the key that is wrong.
    """
    tables = values.get("tasks")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{where}: tasks: give one table [[tasks]] or more, each with the key data")
    tasks = [
        task
        for number, table in enumerate(tables)
        for task in _tasks(table, where, f"tasks.{number}", folder)
    ]
    return restored({**values, "tasks": tasks}, where, folder)


def restored(values: Mapping[str, Any], where: str, folder: Path) -> Study:
    """The study that was dumped as these values, with nothing to fill in; arguments as for :func:`resolved`.

    Raises:
        InputError: naming the key that is wrong.
    """
    methods = values.get("methods")
    if isinstance(methods, list) and all(isinstance(method, str) for method in methods):
        values = {**values, "methods": tuple(_from_folder(method, folder) for method in methods)}
    return validated(Study, values, where)


def _tasks(table: Mapping[str, Any], where: str, within: str, folder: Path) -> list[StudyTask]:
    if "data" not in table:
        raise InputError(
            f"{where}: {within}.data: missing; give a data set of `rlflood list datasets`, or a .npz, .csv "
            "or .parquet file"
        )
    lists = {key: table[key] for key in _LISTED if isinstance(table.get(key), list)}
    for key, entries in lists.items():
        if not entries:
            raise InputError(f"{where}: {within}.{key}: the list is empty; give one value or more")
    tasks = []
    for combination in itertools.product(*lists.values()):
        fields = {**table, **dict(zip(lists, combination, strict=True))}
        if not isinstance(fields["data"], str):
            raise InputError(f"{where}: {within}.data: give a name or a file (given: {fields['data']!r})")
        if fields["data"].lower().endswith(FILE_ENDINGS):
            fields["data"] = str((folder / Path(fields["data"]).expanduser()).absolute())
        fields["name"] = _name(table, fields, lists)
        # wrong values first: sizes are worked out from right ones
        validated(StudyTask, fields, where, within)
        try:
            sizes = filled_sizes(fields)
        except InputError as error:
            raise InputError(f"{where}: {within}.data: {error}") from None
        tasks.append(validated(StudyTask, {**fields, **sizes}, where, within))
    return tasks


def _name(table: Mapping[str, Any], fields: Mapping[str, Any], lists: Mapping[str, Any]) -> str:
    """The name given, or the data's, and what tells the task from others of the same table."""
    name = str(table.get("name", Path(fields["data"]).stem))
    if "name" in table and "data" in lists:
        name += f" {Path(fields['data']).stem}"
    noise = fields.get("label_noise", 0)
    if "label_noise" in lists or ("name" not in table and isinstance(noise, int | float) and noise):
        name += f", {100 * noise:g} % noise" if isinstance(noise, int | float) else f", {noise}"
    others = [key for key in lists if key not in ("data", "label_noise")]
    return ", ".join([name, *(f"{key} {fields[key]}" for key in others)])


def _from_folder(method: str, folder: Path) -> str:
    """A method's name whose controller's file, if it has one, is found from ``folder``."""
    name = MethodName.parse(method)
    return method if name.file is None else str(name.with_innermost(str(folder / name.file.expanduser())))
