"""Labels: whole numbers from what people write, and label noise."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlflood.data.plain_numbers import is_missing, is_plain_number
from rlflood.errors import InputError

FEWEST_PER_CLASS = 3
"""One sample of each class for each of the three splits."""
FEW = 10
"""Fewer samples of a class than this are learned from and tested on by chance."""
_MANY_NUMBERS = 20
"""With more whole numbers than this, labels are more likely counted or measured than named."""
_SHOWN = 5


def add_label_noise(
    labels: NDArray[np.int64], share: float, classes: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Move exactly ``round(share * n)`` of the n labels to another class; return a new array.

    The samples are chosen without replacement and each new class is uniform over the others, so that two
    classes are flipped (the protocol of Ishida et al. 2020). ``round`` is Python's: halves go to even.

    labels: int64, shape (n,), 0 .. classes - 1.

    Raises InputError where the share is outside [0, 1), ValueError for fewer than two classes.
    """
    if not 0 <= share < 1:
        raise InputError(f"The share of label noise is {share}: give at least 0 and below 1.")
    if classes < 2:
        raise ValueError(f"label noise needs at least two classes, not {classes}")
    noisy = labels.copy()
    count = round(share * len(labels))
    if count:
        chosen = rng.permutation(len(labels))[:count]
        noisy[chosen] = (labels[chosen] + rng.integers(1, classes, count)) % classes
    return noisy


def encode_labels(labels: NDArray[np.generic], where: str) -> NDArray[np.int64]:
    """Map labels (strings, booleans, whole numbers) to 0 .. classes - 1 in sorted order.

    labels: shape (n,). where: how messages name their place, such as ``"y in data.npz"``.

    Raises InputError for numbers that are not whole or not finite, for a single class, and for a class of
    fewer than three samples.
    """
    if labels.dtype.kind not in "biufUS":
        raise InputError(f"The labels ({where}) are of type {labels.dtype}: give whole numbers or text.")
    if labels.dtype.kind == "f":
        values = labels.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
        if wrong.size:
            raise InputError(
                f"The labels ({where}) must be classes, but row {wrong[0] + 1} is {values[wrong[0]]:g}: "
                "give whole numbers or text (rlflood does not do regression)."
            )
    found, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(found) < 2:
        raise InputError(f"The labels ({where}) are all {_text(found[0])}: at least two classes are needed.")
    if counts.min() < FEWEST_PER_CLASS:
        rare = np.flatnonzero(counts < FEWEST_PER_CLASS)
        named = ", ".join(f"{_text(found[i])} ({counts[i]})" for i in rare[:5])
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        raise InputError(
            f"The labels ({where}) have classes with fewer than {FEWEST_PER_CLASS} samples: {named}{more}. "
            "Remove these classes or join them with others, or choose another column."
        )
    return np.asarray(codes, dtype=np.int64)


def class_names(labels: NDArray[np.generic]) -> tuple[str, ...]:
    """What people call the classes of labels, in the order in which ``encode_labels`` numbers them."""
    return tuple(_name(label) for label in np.unique(labels))


def doubts(labels: NDArray[np.generic], where: str) -> list[str]:
    """What labels, as ``encode_labels`` takes them, may be that was not meant; each a warning for people."""
    values, counts = np.unique(labels, return_counts=True)
    names = [_name(value) for value in values]
    with_counts = [f"{name!r} ({count})" for name, count in zip(names, counts, strict=True)]
    found = []
    if missing := [told for name, told in zip(names, with_counts, strict=True) if is_missing(name)]:
        found.append(
            f"{_shown(missing)} among the labels ({where}) is taken as a class: if it says that a label is "
            "missing, remove these rows."
        )
    alike = defaultdict(list)
    for name, told in zip(names, with_counts, strict=True):
        alike[_key(name)].append(told)
    if groups := [" and ".join(group) for group in alike.values() if len(group) > 1]:
        found.append(
            f"Classes that differ only in case, spaces or the way to write a number ({where}): "
            f"{_shown(groups, '; ')}. If they are the same, write them alike."
        )
    if rare := [told for told, count in zip(with_counts, counts, strict=True) if count < FEW]:
        found.append(
            f"Classes of fewer than {FEW} samples ({where}): {_shown(rare)}. What is learned and measured of "
            "them is mostly chance."
        )
    if labels.dtype.kind in "iuf" and len(values) > _MANY_NUMBERS:
        found.append(
            f"The labels ({where}) are {len(values)} different whole numbers, {names[0]} to {names[-1]}, "
            "each a class: if they are counted or measured, put them into a few classes (rlflood does not do "
            "regression)."
        )
    return found


def _key(name: str) -> str:
    return f"{float(name):.17g}" if is_plain_number(name) else "".join(name.casefold().split())


def _shown(texts: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return separator.join(texts[:_SHOWN]) + more


def _name(label: np.generic) -> str:
    value = label.item()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(int(value)) if isinstance(value, float) else str(value)


def _text(label: np.generic) -> str:
    value = label.item()
    if isinstance(value, float):
        return f"{value:g}"
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else value)
