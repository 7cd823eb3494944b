"""Fashion-MNIST, read by torchvision from files that are on this machine; nothing is downloaded unasked."""

import gzip
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlflood.data.source import Samples, Source
from rlflood.data.splits import stratified
from rlflood.data.streams import Stream, stream
from rlflood.errors import InputError

ROOT_VARIABLE = "RLFLOOD_DATA"
"""Environment variable that names a torchvision root: the folder above ``FashionMNIST/raw``."""
CACHE_ROOT = Path("~/.cache/rlflood")
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the four original files, compressed."""

_TORCHVISION_FOLDER = Path("FashionMNIST", "raw")
_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


class Images(Source):
    """Images with an official test set: training and validation are cut from the pool, the test from that.

    Pixels are divided by 255, flattened, and standardised by one mean and one deviation, those of all pixels
    of the training split. Images are kept as bytes; only the rows that were chosen are converted.

    pool_x, test_x: uint8, shape (samples, height, width); pool_y, test_y: int64, labels 0 .. classes - 1.
    """

    size: int

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
        self.size = len(pool_y) + len(test_y)
        self.features = int(np.prod(pool_x.shape[1:]))
        self._pool_x, self._pool_y, self._test_x, self._test_y = pool_x, pool_y, test_x, test_y
        for array in (pool_x, pool_y, test_x, test_y):
            array.flags.writeable = False

    def _draw(
        self, train_size: int, val_size: int, test_size: int | None, seed: int
    ) -> tuple[Samples, Samples, Samples]:
        test_size = len(self._test_y) if test_size is None else test_size
        if train_size + val_size > len(self._pool_y) or test_size > len(self._test_y):
            raise InputError(
                f"{self.name} has {len(self._pool_y)} samples for training and validation and "
                f"{len(self._test_y)} for testing, but {train_size} + {val_size} and {test_size} were asked "
                "for: make the splits smaller."
            )
        train, val, _ = stratified(
            self._pool_y, (train_size, val_size), stream(seed, Stream.STRUCTURE), all_in_first=True
        )
        test, _ = stratified(self._test_y, (test_size,), stream(seed, Stream.TEST_INPUTS))
        train_x, val_x, test_x = (
            _scaled(self._pool_x[train]),
            _scaled(self._pool_x[val]),
            _scaled(self._test_x[test]),
        )
        _standardise_in_place(train_x, val_x, test_x)
        return (train_x, self._pool_y[train]), (val_x, self._pool_y[val]), (test_x, self._test_y[test])


def _scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat /= np.float32(255)
    return flat


def _standardise_in_place(train: NDArray[np.float32], *others: NDArray[np.float32]) -> None:
    """Shift and scale all pixels by the mean and deviation of all of ``train``'s."""
    mean = float(train.mean(dtype=np.float64))
    # mean of squares minus square of the mean: safe for values in 0 .. 1, and without a second copy
    variance = float(np.einsum("ij,ij->", train, train, dtype=np.float64)) / train.size - mean**2
    scale = np.sqrt(variance) if variance > 1e-12 else 1.0
    for part in (train, *others):
        part -= np.float32(mean)
        part /= np.float32(scale)


def fashion_mnist() -> Images:
    """Fashion-MNIST (Xiao et al. 2017): 60,000 + 10,000 images of 28 x 28, 10 classes.

    Raises InputError where its files are on none of the paths that are looked at, or are damaged.
    """
    folder = fashion_mnist_folder()
    if folder is None:
        raise InputError(
            f"The Fashion-MNIST files were not found in {', '.join(map(str, _folders()))}. "
            "Install Debian's package (apt-get install dataset-fashion-mnist), or download them with "
            f"python -c \"import torchvision; torchvision.datasets.FashionMNIST('{CACHE_ROOT.expanduser()}', "
            f'download=True)", or set {ROOT_VARIABLE} to the folder that holds {_TORCHVISION_FOLDER}.'
        )
    return _read(folder)


def fashion_mnist_folder() -> Path | None:
    """The first folder that has all four files, plain or compressed; None where there is none."""
    for folder in _folders():
        if all(_file(folder, name) for name in _FILES):
            return folder
    return None


def _folders() -> list[Path]:
    """The folders that are looked at, in order."""
    roots = [Path(os.environ[ROOT_VARIABLE])] if os.environ.get(ROOT_VARIABLE) else []
    return [
        *((root.expanduser() / _TORCHVISION_FOLDER) for root in (*roots, CACHE_ROOT)),
        DEBIAN_FOLDER,
    ]


def _file(folder: Path, name: str) -> Path | None:
    """The file as torchvision wants it or, failing that, compressed."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


@lru_cache(maxsize=1)
def _read(folder: Path) -> Images:
    """Read the four files through torchvision; compressed ones are unpacked to a temporary root first."""
    from torchvision.datasets import FashionMNIST

    try:
        with tempfile.TemporaryDirectory(prefix="rlflood-") as temporary:
            root = folder.parent.parent
            if root / _TORCHVISION_FOLDER != folder or not all((folder / name).is_file() for name in _FILES):
                root = Path(temporary)
                _unpack(folder, root / _TORCHVISION_FOLDER)
            pool, test = FashionMNIST(root, train=True), FashionMNIST(root, train=False)
    except (OSError, EOFError, RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise InputError(
            f"The Fashion-MNIST files in {folder} are damaged ({error}): remove them and fetch them again."
        ) from error
    for part in (pool, test):
        if len(part.data) != len(part.targets):
            raise InputError(
                f"The Fashion-MNIST files in {folder} are damaged ({len(part.data)} images, "
                f"{len(part.targets)} labels): remove them and fetch them again."
            )
    return Images(
        "fashion-mnist",
        pool.data.numpy(),
        pool.targets.numpy(),
        test.data.numpy(),
        test.targets.numpy(),
        classes=len(FashionMNIST.classes),
    )


def _unpack(folder: Path, raw: Path) -> None:
    raw.mkdir(parents=True)
    for name in _FILES:
        path = _file(folder, name)
        if path is None:
            raise FileNotFoundError(f"{name} has gone")
        with (
            gzip.open(path) if path.suffix == ".gz" else path.open("rb") as source,
            (raw / name).open("wb") as to,
        ):
            shutil.copyfileobj(source, to)
