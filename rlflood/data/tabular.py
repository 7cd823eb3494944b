"""Data sets held whole in memory as one table: those that scikit-learn ships, and a person's own files."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rlflood.data.source import Samples, Source
from rlflood.data.splits import standardise, stratified
from rlflood.data.streams import Stream, stream
from rlflood.errors import InputError
from rlflood.words import counted


class Table(Source):
    """A table that is split by seed, stratified by class, and standardised on the training split alone.

    x: real numbers, shape (samples, features); y: int64, shape (samples,), labels 0 .. classes - 1.
    The arrays are kept, not copied, and made read-only.
    """

    size: int

    def __init__(self, name: str, x: NDArray[np.generic], y: NDArray[np.int64]) -> None:
        self.name = name
        self.size, self.features = x.shape
        self.classes = int(y.max()) + 1
        self._x, self._y = x, y
        for array in (x, y):
            array.flags.writeable = False

    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[Samples, Samples, Samples]:
        left = self.size - train_size - val_size
        if left < (1 if test_size is None else test_size):
            wanted = "at least 1" if test_size is None else test_size
            raise InputError(
                f"{self.name} has {counted(self.size, 'sample')}, but {train_size} for training, {val_size} "
                f"for validation and {wanted} for testing were asked for: make the splits smaller."
            )
        train, val, rest = stratified(
            self._y, (train_size, val_size), stream(seed, Stream.STRUCTURE), all_in_first=True
        )
        # cut from the rest in a second step, so that the test size leaves training and validation as they are
        test_size = left if test_size is None else test_size
        test = rest[stratified(self._y[rest], (test_size,), stream(seed, Stream.TEST_INPUTS))[0]]
        train_x, val_x, test_x = standardise(self._x[train], self._x[val], self._x[test])
        return (train_x, self._y[train]), (val_x, self._y[val]), (test_x, self._y[test])


@lru_cache
def digits() -> Table:
    """Handwritten digits, 8 x 8 pixels: 1797 samples, 64 features, 10 classes (scikit-learn)."""
    from sklearn.datasets import load_digits

    return Table("digits", *_arrays(load_digits(return_X_y=True)))


@lru_cache
def breast_cancer() -> Table:
    """Wisconsin diagnostic breast cancer: 569 samples, 30 features, 2 classes (scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    return Table("breast-cancer", *_arrays(load_breast_cancer(return_X_y=True)))


@lru_cache
def wine() -> Table:
    """Italian wines by cultivar: 178 samples, 13 features, 3 classes (scikit-learn)."""
    from sklearn.datasets import load_wine

    return Table("wine", *_arrays(load_wine(return_X_y=True)))


def _arrays(loaded: tuple[NDArray[np.generic], NDArray[np.generic]]) -> Samples:
    return loaded[0].astype(np.float32), loaded[1].astype(np.int64)
