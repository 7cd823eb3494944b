"""Running methods on the same seeds, and the rows of the table that compares them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rlflood.experiments.analysis.statistics import Interval, Paired, mean_interval, paired
from rlflood.experiments.methods import Method
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.training import Machine
from rlflood.training.trainer import MOMENTS, Moment


@dataclass(frozen=True, slots=True)
class Row:
    """A method in figures; accuracies from 0 to 1.

    Attributes:
        method: Its name.
        deployed: The network that its user would deploy.
        accuracy: Test accuracy of each of the four networks of its runs.
        difference: Test accuracy of the deployed network less that of the reference's, paired; None where
            there is none.
        epochs: Training epochs spent on one repeat, on average.
    """

    method: str
    deployed: Moment
    accuracy: dict[Moment, Interval]
    difference: Paired | None
    epochs: int


def compare(
    setting: Setting,
    methods: Sequence[Method],
    machine: Machine = Machine(),
    on_progress: Progress = no_progress,
) -> Iterator[Record]:
    """Run one method after the other; each record is given as soon as its method is done.

    Args:
        setting: Task and seeds, the same for all methods.
        methods: What to compare.
        machine: Where to train.
        on_progress: Told of epochs done out of those of all methods together.

    Raises:
        InputError: if a method needs a package that is not installed, or the task's data cannot be loaded or
            are too small for its splits.
    """
    for method in methods:
        method.check(setting.task)
    budgets = [method.epochs(setting.task) * setting.repeats for method in methods]
    for number, method in enumerate(methods):
        before = sum(budgets[:number])

        def advance(done: int, total: int, before: int = before) -> None:
            on_progress(before + done, sum(budgets))

        yield method.run(setting, machine, advance)


def rows(records: Sequence[Record], *, reference: str = "none", noisy: bool = False) -> list[Row]:
    """One row a record, in the same order.

    Args:
        records: Of the same setting.
        reference: The method to compare with; no differences where it is not among the records.
        noisy: Test against labels with the task's noise, as Ishida et al. do, instead of clean ones.
    """
    base = next((record for record in records if record.method == reference), None)
    table = []
    for record in records:
        scores = record.test_accuracy("deployed", noisy=noisy)
        difference = None
        if base is not None and base is not record:
            difference = paired(scores, base.test_accuracy("deployed", noisy=noisy))
        accuracy = {moment: mean_interval(record.test_accuracy(moment, noisy=noisy)) for moment in MOMENTS}
        spent = round(float(record.epochs_spent.mean()))
        table.append(Row(record.method, record.deployed, accuracy, difference, spent))
    return table
