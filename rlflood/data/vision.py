"""Image data sets with an official test set."""

import numpy as np
from numpy.typing import NDArray

from rlflood.data.source import RawSamples, Source
from rlflood.data.splits import stratified
from rlflood.data.streams import Stream, stream
from rlflood.errors import InputError
from rlflood.words import counted


class Images(Source):
    """Images with an official test set: training and validation are cut from the pool, the test from that.

    Pixels are divided by 255 and standardised by the mean and the deviation of each channel over the training
    split; the rows of a split hold an image each, channel by channel. Images are kept as bytes; only those
    that were chosen are converted.

    pool_x, test_x: uint8, shape (samples, channels, height, width); pool_y, test_y: int64, shape (samples,),
    labels 0 .. classes - 1.
    """

    size: int
    pool_size: int

    def __init__(
        self,
        name: str,
        pool_x: NDArray[np.uint8],
        pool_y: NDArray[np.int64],
        test_x: NDArray[np.uint8],
        test_y: NDArray[np.int64],
        classes: int,
    ) -> None:
        self.name, self.classes = name, classes
        self.size, self.pool_size = len(pool_y) + len(test_y), len(pool_y)
        channels, height, width = pool_x.shape[1:]
        self.image_shape = (channels, height, width)
        self.features = channels * height * width
        self._pool_x, self._pool_y, self._test_x, self._test_y = pool_x, pool_y, test_x, test_y
        for array in (pool_x, pool_y, test_x, test_y):
            array.flags.writeable = False

    def class_counts(self) -> dict[str, int]:
        """The images of each class in both parts by its number."""
        counts = np.bincount(np.concatenate([self._pool_y, self._test_y]), minlength=self.classes)
        return {str(label): count for label, count in enumerate(counts.tolist())}

    def _check_room(self, train_size: int, val_size: int, test_size: int | None) -> None:
        test_size = len(self._test_y) if test_size is None else test_size
        if train_size + val_size > self.pool_size or test_size > len(self._test_y):
            raise InputError(
                f"{self.name} has {counted(self.pool_size, 'sample')} for training and validation and "
                f"{len(self._test_y)} for testing, but {train_size} + {val_size} and {test_size} were asked "
                "for: make the splits smaller."
            )

    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[RawSamples, RawSamples, RawSamples]:
        test_size = len(self._test_y) if test_size is None else test_size
        train, val, _ = stratified(
            self._pool_y, (train_size, val_size), stream(seed, Stream.STRUCTURE), all_in_first=True
        )
        test, _ = stratified(self._test_y, (test_size,), stream(seed, Stream.TEST_INPUTS))
        pool_x, pool_y = self._pool_x, self._pool_y
        return (
            (pool_x[train], pool_y[train]), (pool_x[val], pool_y[val]),
            (self._test_x[test], self._test_y[test]),
        )  # fmt: skip

    def _scaled(self, train: NDArray[np.generic], *others: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """Pixels from 0 to 1, standardised by those of the training split."""
        parts = [images.astype(np.float32) for images in (train, *others)]
        for part in parts:
            part /= np.float32(255)
        _standardise_in_place(*parts)
        return [part.reshape(len(part), -1) for part in parts]


def _standardise_in_place(train: NDArray[np.float32], *others: NDArray[np.float32]) -> None:
    """Shift and scale the pixels of each channel by the mean and deviation of all of ``train``'s."""
    for channel in range(train.shape[1]):
        pixels = train[:, channel]
        mean = float(pixels.mean(dtype=np.float64))
        # mean of squares minus square of the mean: safe for values in 0 .. 1, and without a second copy
        variance = float(np.einsum("nhw,nhw->", pixels, pixels, dtype=np.float64)) / pixels.size - mean**2
        scale = np.sqrt(variance) if variance > 1e-12 else 1.0
        for part in (train, *others):
            part[:, channel] -= np.float32(mean)
            part[:, channel] /= np.float32(scale)
