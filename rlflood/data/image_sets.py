"""The image data sets that torchvision reads: where their files belong, and how they get there."""

import gzip
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.data.source import Facts, ImageShape
from rlflood.data.vision import Images
from rlflood.errors import InputError
from rlflood.words import counted

ROOT_VARIABLE = "RLFLOOD_DATA"
"""Environment variable that names a torchvision root: the folder above ``FashionMNIST`` and the others."""
CACHE_ROOT = Path("~/.cache/rlflood")
"""The root that downloads go to, and the second that is looked at."""
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the four original files, compressed."""
_TIMEOUT = 20.0  # seconds without a byte, after which a server is given up
_FAULTS = (OSError, EOFError, RuntimeError, ValueError, TypeError, AssertionError, KeyError)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """One data set of torchvision.

    Attributes:
        name: Ours.
        dataset: Its class in ``torchvision.datasets``.
        folder: Where its files belong below a root.
        files: Their names.
        archive: What torchvision downloads and unpacks below a root, if the files come in one.
        classes, shape: Classes; channels, height and width.
        pool_size, test_size: Samples of the official training part and of the official test part.
    """

    name: str
    dataset: str
    folder: Path
    files: tuple[str, ...]
    classes: int
    shape: ImageShape
    pool_size: int
    test_size: int
    archive: str | None = None

    @property
    def facts(self) -> Facts:
        """What is known of it whether its files are here or not."""
        size = self.pool_size + self.test_size
        return Facts(self.name, self.classes, prod(self.shape), size, self.pool_size, self.shape)

    @property
    def compressible(self) -> bool:
        """Whether its files may lie there with ``.gz`` behind their names."""
        return self.files == _IDX_FILES

    def place(self) -> Path | None:
        """The first folder that has all its files, plain or compressed; None where there is none."""
        here = (folder for folder in self.places() if all(self.path(folder, file) for file in self.files))
        return next(here, None)

    def places(self) -> list[Path]:
        """The folders that are looked at, in order."""
        debian = [DEBIAN_FOLDER] if self.name == "fashion-mnist" else []
        return [*(root / self.folder for root in _roots()), *debian]

    def path(self, folder: Path, name: str) -> Path | None:
        """The file as torchvision wants it or, failing that, compressed."""
        endings = ("", ".gz") if self.compressible else ("",)
        paths = (folder / f"{name}{ending}" for ending in endings)
        return next((path for path in paths if path.is_file()), None)


_IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_CIFAR10_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
_GREY, _COLOUR = (1, 28, 28), (3, 32, 32)

IMAGE_SETS = {
    image_set.name: image_set
    for image_set in (
        ImageSet("mnist", "MNIST", Path("MNIST", "raw"), _IDX_FILES, 10, _GREY, 60_000, 10_000),
        ImageSet("kuzushiji-mnist", "KMNIST", Path("KMNIST", "raw"), _IDX_FILES, 10, _GREY, 60_000, 10_000),
        ImageSet(
            "fashion-mnist", "FashionMNIST", Path("FashionMNIST", "raw"), _IDX_FILES, 10, _GREY,
            60_000, 10_000,
        ),
        ImageSet("svhn", "SVHN", Path(), ("train_32x32.mat", "test_32x32.mat"), 10, _COLOUR, 73_257, 26_032),
        ImageSet(
            "cifar10", "CIFAR10", Path("cifar-10-batches-py"), _CIFAR10_FILES, 10, _COLOUR,
            50_000, 10_000, archive="cifar-10-python.tar.gz",
        ),
        ImageSet(
            "cifar100", "CIFAR100", Path("cifar-100-python"), ("train", "test", "meta"), 100, _COLOUR,
            50_000, 10_000, archive="cifar-100-python.tar.gz",
        ),
    )
}  # fmt: skip
"""By name: LeCun et al. 1998, Clanuwat et al. 2018, Xiao et al. 2017, Netzer et al. 2011, Krizhevsky 2009."""


def load_images(name: str) -> Images:
    """The data set of this name, from this machine or, where its files are not here, through torchvision.

    torchvision checks the files of CIFAR and SVHN against their known checksums before it opens them.

    Raises:
        InputError: where its files can neither be found nor downloaded, or are damaged.
    """
    image_set = IMAGE_SETS[name]
    return _read(image_set, image_set.place() or _download(image_set))


def _roots() -> list[Path]:
    """torchvision roots, in order: that of the environment variable, then our own."""
    named = os.environ.get(ROOT_VARIABLE)
    return [root.expanduser() for root in ([Path(named)] if named else []) + [CACHE_ROOT]]


def _download(image_set: ImageSet) -> Path:
    """Let torchvision fetch or unpack the files; they appear in the cache when all of them are whole."""
    cache = CACHE_ROOT.expanduser()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as temporary, _impatient():
            root = Path(temporary)
            if not _take_archive(image_set, root):
                print(f"downloading {image_set.name} to {cache} ...", file=sys.stderr, flush=True)
            _datasets(image_set, root, download=True)
            folder = cache / image_set.folder
            folder.mkdir(parents=True, exist_ok=True)
            for file in image_set.files:
                os.replace(root / image_set.folder / file, folder / file)
    except _FAULTS as error:
        raise InputError(_where_the_files_belong(image_set, error)) from error
    return folder


def _take_archive(image_set: ImageSet, root: Path) -> bool:
    """Whether the archive lies in one of our roots; if so, it lies in ``root`` too."""
    for own in _roots() if image_set.archive else ():
        archive = own / str(image_set.archive)
        if archive.is_file():
            (root / archive.name).symlink_to(archive.resolve())
            return True
    return False


@contextmanager
def _impatient() -> Iterator[None]:
    """torchvision waits for a silent server for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _where_the_files_belong(image_set: ImageSet, error: Exception) -> str:
    cache = CACHE_ROOT.expanduser()
    ways = [
        f"put {', '.join(image_set.files)} into {cache / image_set.folder}",
        f"set {ROOT_VARIABLE} to the folder that holds {image_set.folder}"
        if image_set.folder != Path()
        else f"set {ROOT_VARIABLE} to the folder that holds them",
    ]
    if image_set.archive:
        ways.insert(1, f"put {image_set.archive} into {cache}")
    if image_set.name == "fashion-mnist":
        ways.append("install Debian's package (apt-get install dataset-fashion-mnist)")
    looked = ", ".join(map(str, image_set.places()))
    return (
        f"The files of {image_set.name} were not found in {looked}, and torchvision could not download them "
        f'({_first_line(error)}). Where there is a network, python -c "import torchvision; '
        f"torchvision.datasets.{image_set.dataset}('FOLDER', download=True)\" does; "
        f"then {', or '.join(ways)}."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@lru_cache(maxsize=2)
def _read(image_set: ImageSet, folder: Path) -> Images:
    """Read the files through torchvision; compressed ones are unpacked to a temporary root first."""
    try:
        with tempfile.TemporaryDirectory(prefix="rlflood-") as temporary:
            root = Path(*folder.parts[: len(folder.parts) - len(image_set.folder.parts)])
            plain = all((folder / file).is_file() for file in image_set.files)
            if root / image_set.folder != folder or not plain:
                root = Path(temporary)
                _unpack(image_set, folder, root / image_set.folder)
            pool, test = (_arrays(part) for part in _datasets(image_set, root, download=False))
    except _FAULTS as error:
        raise InputError(
            f"The files of {image_set.name} in {folder} are damaged ({_first_line(error)}): remove them and "
            "fetch them again."
        ) from error
    for images, labels in (pool, test):
        if len(images) != len(labels) or images.shape[1:] != image_set.shape:
            raise InputError(
                f"The files of {image_set.name} in {folder} are damaged ({counted(images, 'image')} of "
                f"{' x '.join(map(str, images.shape[1:]))}, {counted(labels, 'label')}): remove them and "
                "fetch them again."
            )
    return Images(image_set.name, *pool, *test, classes=image_set.classes)


def _datasets(image_set: ImageSet, root: Path, *, download: bool) -> tuple[Any, Any]:
    """torchvision's data sets of the official training and test part."""
    from torchvision import datasets

    kind = getattr(datasets, image_set.dataset)
    if image_set.name == "svhn":
        return kind(root, split="train", download=download), kind(root, split="test", download=download)
    return kind(root, train=True, download=download), kind(root, train=False, download=download)


def _arrays(part: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (samples, channels, height, width) and labels, whatever the data set keeps them in."""
    images = np.asarray(part.data)
    labels = np.asarray(part.labels if hasattr(part, "labels") else part.targets, dtype=np.int64)
    if images.ndim == 3:  # grey
        images = images[:, None]
    elif images.shape[-1] == 3:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images), labels


def _unpack(image_set: ImageSet, folder: Path, to: Path) -> None:
    to.mkdir(parents=True)
    for name in image_set.files:
        path = image_set.path(folder, name)
        if path is None:
            raise FileNotFoundError(f"{name} has gone")
        with (
            gzip.open(path) if path.suffix == ".gz" else path.open("rb") as source,
            (to / name).open("wb") as file,
        ):
            shutil.copyfileobj(source, file)
