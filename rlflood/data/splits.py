"""Cutting one set of samples into splits: stratified by class, and standardised on the training split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float32).max)


def allocate(class_counts: NDArray[np.int64], sizes: Sequence[int]) -> NDArray[np.int64]:
    """How many samples of each class go to each split: int64, shape (classes, splits + 1).

    The last column is what is left over. Rows sum to ``class_counts``, columns to ``sizes`` and the rest, and
    every entry is within one of its exact share ``class_counts[c] * size / samples``.

    That is a matrix of floors plus a 0/1 matrix whose row and column sums are fixed. The shares' fractional
    parts have the same sums, so such a matrix exists (transport polytopes are integral), and giving each
    column's units to the rows that need most finds it (Ryser 1957).
    """
    samples = int(class_counts.sum())
    columns = np.array([*sizes, samples - sum(sizes)], dtype=np.int64)
    if columns.min() < 0:
        raise ValueError(f"splits of {list(sizes)} do not fit into {samples} samples")
    table, remainder = np.divmod(np.outer(class_counts, columns), samples)
    missing_rows = class_counts - table.sum(axis=1)
    missing_columns = columns - table.sum(axis=0)
    for column, missing in enumerate(missing_columns):
        # the largest need first (feasibility); among equals the largest remainder (fairness)
        rows = np.lexsort((-remainder[:, column], -missing_rows))[:missing]
        table[rows, column] += 1
        missing_rows[rows] -= 1
    return table


def represent_all(table: NDArray[np.int64], column: int = 0) -> NDArray[np.int64]:
    """Change an allocation as little as needed for every class to appear in ``column`` (the training split).

    A class without a sample there gets one from the place that holds most of it, in exchange for one of the
    class that has most: all sums stay. The column must hold at least as many samples as there are classes.
    """
    table = table.copy()
    if table[:, column].sum() < len(table) or table.sum(axis=1).min() < 1:
        raise ValueError("too few samples for every class to be present")
    for absent in np.flatnonzero(table[:, column] == 0):
        donor = int(table[absent].argmax())
        plenty = int(table[:, column].argmax())
        table[absent, column] += 1
        table[absent, donor] -= 1
        table[plenty, column] -= 1
        table[plenty, donor] += 1
    return table


def stratified(
    labels: NDArray[np.int64], sizes: Sequence[int], rng: np.random.Generator, *, all_in_first: bool = False
) -> list[NDArray[np.intp]]:
    """Disjoint random sets of row numbers of these sizes, then the rows left over: splits + 1 arrays.

    Each class's share is kept to within one sample (see ``allocate``); ``all_in_first`` puts every class into
    the first split even where its share is below one sample. The rows of a set are in random order.

    labels: int64, shape (samples,), 0 .. classes - 1.
    """
    counts = np.bincount(labels)
    table = allocate(counts, sizes)
    if all_in_first:
        table = represent_all(table)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]  # by class, at random within each
    # the blocks of `order` belong to class 0 split 0, class 0 split 1, ..., class 1 split 0, ...
    owner = np.repeat(np.tile(np.arange(table.shape[1]), len(table)), table.ravel())
    return [rng.permutation(order[owner == split]) for split in range(table.shape[1])]


def standardise(train: NDArray[np.generic], *others: NDArray[np.generic]) -> tuple[NDArray[np.float32], ...]:
    """Shift and scale every feature by the mean and standard deviation of ``train`` alone; float32.

    A feature that is constant in ``train`` is only shifted. All arrays have shape (samples, features).
    """
    reference = train.astype(np.float64)
    mean = reference.mean(axis=0)
    # asked of the values themselves: rounding can leave a constant feature a deviation of 1e-17
    constant = reference.min(axis=0) == reference.max(axis=0)
    scale = np.where(constant, 1.0, reference.std(axis=0))
    scale[scale == 0] = 1.0  # values so close that their squares underflow
    # an outlier that training has not seen may lie further out than float32 reaches
    return tuple(
        np.clip((part - mean) / scale, -_LARGEST, _LARGEST).astype(np.float32) for part in (train, *others)
    )


def standardise_channels(
    train: NDArray[np.generic], *others: NDArray[np.generic]
) -> tuple[NDArray[np.float32], ...]:
    """Shift and scale the pixels of each channel by the mean and deviation of all of ``train``'s; float32.

    A channel that is constant in ``train`` is only shifted. Arrays have shape (samples, channels, pixels).
    """
    parts = tuple(np.empty(part.shape, np.float32) for part in (train, *others))
    for channel in range(train.shape[1]):
        pixels = (part[:, channel].reshape(-1, 1) for part in (train, *others))
        for part, scaled in zip(parts, standardise(*pixels), strict=True):
            part[:, channel] = scaled.reshape(part[:, channel].shape)
    return parts
