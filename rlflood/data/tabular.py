"""Data sets held whole in memory as one table: those that scikit-learn ships, and a person's own files."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rlflood.data.source import ImageShape, RawSamples, Samples, Source
from rlflood.data.splits import standardise, standardise_channels, stratified
from rlflood.data.streams import Stream, stream
from rlflood.errors import InputError
from rlflood.words import counted


class TableSource(Source):
    """A table that is split by seed, stratified by class, and standardised on the training split alone.

    x: real numbers, shape (samples, features); y: int64, shape (samples,), labels 0 .. classes - 1.
    The arrays are kept, not copied, and made read-only.
    class_names: what people call the classes; their numbers if not given.
    image_shape: where a row is an image, channel by channel: these are then standardised, not each pixel.
    ignore_constant: whether a feature that is constant in the training split is zero in the others, too.
    """

    size: int

    def __init__(
        self,
        name: str,
        x: NDArray[np.generic],
        y: NDArray[np.int64],
        *,
        class_names: Sequence[str] | None = None,
        image_shape: ImageShape | None = None,
        ignore_constant: bool = False,
    ) -> None:
        self.name = name
        self.size, self.features = x.shape
        self.classes = int(y.max()) + 1
        self.image_shape = image_shape
        self._class_names = tuple(class_names or map(str, range(self.classes)))
        self._ignore_constant = ignore_constant
        self._x, self._y = x, y
        for array in (x, y):
            array.flags.writeable = False

    def _check_room(self, train_size: int, val_size: int, test_size: int | None) -> None:
        left = self.size - train_size - val_size
        if left < (1 if test_size is None else test_size):
            wanted = "at least 1" if test_size is None else test_size
            raise InputError(
                f"{self.name} has {counted(self.size, 'sample')}, but {train_size} for training, {val_size} "
                f"for validation and {wanted} for testing were asked for: make the splits smaller."
            )

    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[RawSamples, RawSamples, RawSamples]:
        train, val, rest = stratified(
            self._y, (train_size, val_size), stream(seed, Stream.STRUCTURE), all_in_first=True
        )
        # cut from the rest in a second step, so that the test size leaves training and validation as they are
        test_size = len(rest) if test_size is None else test_size
        test = rest[stratified(self._y[rest], (test_size,), stream(seed, Stream.TEST_INPUTS))[0]]
        x, y = self._x, self._y
        return (x[train], y[train]), (x[val], y[val]), (x[test], y[test])

    def _scaled(self, train: NDArray[np.generic], *others: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """The features standardised by those of the training split."""
        if self.image_shape is not None:
            images = [part.reshape(len(part), self.image_shape[0], -1) for part in (train, *others)]
            return [part.reshape(len(part), -1) for part in standardise_channels(*images)]
        scaled = list(standardise(train, *others))
        if self._ignore_constant:
            constant = (scaled[0] == scaled[0][0]).all(axis=0)
            for part in scaled:
                part[:, constant] = 0
        return scaled

    def class_counts(self) -> dict[str, int]:
        """The samples of each class by its name, in the order of the labels."""
        return dict(zip(self._class_names, np.bincount(self._y).tolist(), strict=True))


@lru_cache
def digits() -> TableSource:
    """Handwritten digits, 8 x 8 pixels: 1797 samples, 64 features, 10 classes (scikit-learn)."""
    from sklearn.datasets import load_digits

    return TableSource("digits", *_arrays(load_digits(return_X_y=True)))


@lru_cache
def breast_cancer() -> TableSource:
    """Wisconsin diagnostic breast cancer: 569 samples, 30 features, 2 classes (scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    return TableSource("breast-cancer", *_arrays(load_breast_cancer(return_X_y=True)))


@lru_cache
def wine() -> TableSource:
    """Italian wines by cultivar: 178 samples, 13 features, 3 classes (scikit-learn)."""
    from sklearn.datasets import load_wine

    return TableSource("wine", *_arrays(load_wine(return_X_y=True)))


def _arrays(loaded: tuple[NDArray[np.generic], NDArray[np.generic]]) -> Samples:
    return loaded[0].astype(np.float32), loaded[1].astype(np.int64)
