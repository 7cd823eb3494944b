"""What a data set holds, and how much of it a task uses, in words."""

from collections.abc import Mapping

from rlflood.training import Task

_MOST_CLASSES = 10
"""Of more classes than this only the largest and the smallest are named."""


def describe_data(task: Task) -> list[str]:
    """The classes with their counts, and how many of the samples are trained on; nothing of a generator.

    Raises:
        InputError: if the task's data cannot be loaded.
    """
    source = task.source()
    counts = source.class_counts()
    if counts is None or source.size is None:
        return []
    return [describe_classes(counts), describe_use(task, source.size)]


def describe_classes(counts: Mapping[str, int]) -> str:
    """The classes with their counts, and the share of the largest: the accuracy of guessing it always."""
    largest, most = max(counts.items(), key=lambda named: named[1])
    smallest, least = min(counts.items(), key=lambda named: named[1])
    if len(counts) <= _MOST_CLASSES:
        named = ", ".join(f"{_short(name)} {count:,}" for name, count in counts.items())
    else:
        named = f"{len(counts)}, from {_short(largest)} {most:,} to {_short(smallest)} {least:,}"
    share = 100 * most / sum(counts.values())
    return f"classes: {named} ({share:.1f} % are {_short(largest)}: the accuracy to beat)"


def describe_use(task: Task, samples: int) -> str:
    """How many of the samples are trained on, and how to have more where that is less than half of them."""
    more = "; --train-size takes more" if 2 * task.train_size < samples else ""
    return f"{task.train_size:,} of {samples:,} samples are trained on{more}"


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"
