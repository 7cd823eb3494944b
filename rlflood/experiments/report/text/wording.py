"""What a comparison says in words around its figures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from rlflood.data import Facts
from rlflood.experiments.analysis.comparison import Row
from rlflood.experiments.runs.record import Record
from rlflood.training import Task
from rlflood.words import counted

DIVERGED = "‡"
"""The sign of a method with runs that diverged."""
DEPLOYED = "→"
"""The sign of the network that is deployed, among four."""


def describe_setting(task: Task, facts: Facts | None, repeats: int) -> tuple[str, str]:
    """The task and its data in one line, network and training in another.

    Under label noise the first says which labels are wrong; those of the test are told with its accuracies.

    Args:
        task: Which one.
        facts: What is known of its data; None leaves that out.
        repeats: How often each method runs on it.
    """
    known = ""
    if facts is not None:
        known = f"{counted(facts.classes, 'class', 'classes')}, {counted(facts.features, 'feature')}, "
    test = "all other" if task.test_size is None else task.test_size
    joined = " (trained on, too)" if task.joined else ""
    noisy = "; training and validation labels are wrong in that share" if task.label_noise else ""
    data = (
        f"{Path(task.data).name}: {known}{100 * task.label_noise:g} % label noise; "
        f"{task.train_size} training, {task.val_size} validation{joined} and {test} test samples{noisy}"
    )
    norm = " with batch norm" if task.batch_norm else ""
    batch = "full batch" if task.batch_size is None else f"batches of {task.batch_size}"
    layers: str = task.network
    if task.network == "mlp":
        layers = "-".join(map(str, task.hidden)) or "without a hidden layer"
    changes = f" x {task.lr_gamma:g} after {_shares(task.lr_milestones)}" if task.lr_milestones else ""
    augmented = "" if task.augmentation == "none" else f"{task.augmentation}, "
    return data, (
        f"network {layers}{norm}, {task.optimizer} {task.learning_rate:g}{changes}, {augmented}{batch}, "
        f"{counted(task.epochs, 'epoch')}, {counted(repeats, 'repeat')}"
    )


def diverged_note(counts: Iterable[tuple[str, int]], runs: int) -> str:
    """What the sign of a diverged method means; empty where nothing diverged.

    Args:
        counts: Names of methods, and how many of their runs diverged.
        runs: The runs of each.
    """
    lost = [f"{diverged} of {counted(runs, 'run')} of {method}" for method, diverged in counts if diverged]
    if not lost:
        return ""
    return (
        f"{DIVERGED}: {', '.join(lost)} diverged: their loss was no longer finite at the end. Their "
        "accuracies count in the means as they are."
    )


def _shares(milestones: Sequence[float]) -> str:
    return " and ".join(f"{100 * share:g} %" for share in milestones)


def explanation(records: Sequence[Record], rows: Sequence[Row], *, noisy: bool) -> list[str]:
    """The lines under a table: what its columns mean, and what searches picked."""
    repeats = len(records[0].test_acc_last)
    interval = (
        f"mean ± 95 % interval over {repeats} repeats" if repeats > 1 else "one repeat, so no intervals"
    )
    labels = "noisy labels, wrong in the same share as those of training" if noisy else "clean labels"
    lines = [
        f"Test accuracy in %, {labels}; {interval}.",
        f"Deployed: of the network that a method's user would deploy, behind the {DEPLOYED}. Last: after the "
        "last epoch. Best: the checkpoint of the best validation accuracy. Average: the mean of the weights "
        "at the end. Best average: that mean at its own best. Epochs: of all runs of a repeat.",
    ]
    if any(row.difference and row.difference.difference.excludes_zero for row in rows):
        lines.append("*: the interval of the difference, paired by seeds, excludes 0.")
    for record in records:
        if record.search is not None:
            picked, values = record.search.picked_value(record.deployed), record.search.values
            which = f"{picked.min():g} to {picked.max():g}, {picked.mean():.3g} on average,"
            if picked.min() == picked.max():
                which = f"{picked[0]:g}"
            lines.append(
                f"{record.method} picked a {record.search.knob} of {which} from "
                f"{counted(values.shape[1], 'run')} with up to {np.nanmax(values):g}."
            )
    if note := _never_flooded_note(records):
        lines.append(note)
    if note := diverged_note(((one.method, int(one.diverged.sum())) for one in records), repeats):
        lines.append(note)
    return lines


def _never_flooded_note(records: Sequence[Record]) -> str:
    """Which methods ended as runs without flooding, and why that is no fault; empty where none did."""
    plain = next((record for record in records if record.method == "none"), None)
    if plain is None:
        return ""
    same = [
        record.method
        for record in records
        if record is not plain
        and record.deployed == plain.deployed
        and record.search is None
        and not record.levels.any()
        and np.array_equal(record.train_loss, plain.train_loss, equal_nan=True)
        and np.array_equal(record.test_acc_last, plain.test_acc_last)
    ]
    if not same:
        return ""
    return (
        f"{' and '.join(same)} never set a level above 0, so these are the runs of none: nothing was seen to "
        "overfit. Longer runs may."
    )
