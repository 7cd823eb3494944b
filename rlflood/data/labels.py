"""Labels: whole numbers from what people write, and label noise."""

import numpy as np
from numpy.typing import NDArray

from rlflood.errors import InputError

FEWEST_PER_CLASS = 3
"""One sample of each class for each of the three splits."""


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


def _text(label: np.generic) -> str:
    value = label.item()
    if isinstance(value, float):
        return f"{value:g}"
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else value)
