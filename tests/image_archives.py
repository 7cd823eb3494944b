"""Small image data sets in the original formats, as their makers wrote them."""

import gzip
import hashlib
import pickle
import struct
import tarfile

import numpy as np

IDX_FILES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
IDX_FOLDERS = {"mnist": "MNIST", "kuzushiji-mnist": "KMNIST", "fashion-mnist": "FashionMNIST"}
COLOUR = (3, 32, 32)


def images(count, shape, classes, seed):
    """Images of a bright bar whose place is the class, in noise: a network can learn them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    pixels = rng.integers(0, 120, (count, *shape))
    width = shape[-1]
    for number, label in enumerate(labels):
        column = int(label) * (width - 2) // classes
        pixels[number, ..., column : column + 2] += 130
    return pixels.astype(np.uint8), labels


def idx(array):
    """The file format of MNIST: two zeros, the type (8 = unsigned byte), the rank, the sizes, the bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(root, name="mnist", train=200, test=60, compressed=False):
    """The four files of MNIST or one of its successors below a torchvision root."""
    folder = root / IDX_FOLDERS[name] / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for (pixel_file, label_file), count, seed in zip(IDX_FILES, (train, test), (0, 1), strict=True):
        pixels, labels = images(count, (28, 28), 10, seed)
        for file, array in ((pixel_file, pixels), (label_file, labels.astype(np.uint8))):
            if compressed:
                (folder / f"{file}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / file).write_bytes(idx(array))
    return folder


def write_svhn(root, monkeypatch, train=200, test=60):
    """Both .mat files: X of shape (32, 32, 3, n), y of shape (n, 1) with 0 written as 10."""
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    root.mkdir(parents=True, exist_ok=True)
    known = dict(SVHN.split_list)
    for part, count, seed in (("train", train, 0), ("test", test, 1)):
        pixels, labels = images(count, COLOUR, 10, seed)
        file = root / f"{part}_32x32.mat"
        labels = np.where(labels == 0, 10, labels).astype(np.uint8)
        savemat(file, {"X": pixels.transpose(2, 3, 1, 0), "y": labels[:, None]})
        known[part] = [known[part][0], file.name, _md5(file)]
    monkeypatch.setattr(SVHN, "split_list", known)


def write_cifar(root, monkeypatch, classes=10, train=200, test=60):
    """The pickled batches of CIFAR-10 or CIFAR-100: rows of 3 * 32 * 32 bytes, red first."""
    from torchvision import datasets

    kind = datasets.CIFAR10 if classes == 10 else datasets.CIFAR100
    folder = root / kind.base_folder
    folder.mkdir(parents=True, exist_ok=True)
    key = "labels" if classes == 10 else "fine_labels"
    found = {}
    for files, count, seed in ((kind.train_list, train, 0), (kind.test_list, test, 1)):
        pixels, labels = images(count, COLOUR, classes, seed)
        for (name, _), rows, own in zip(
            files, np.array_split(pixels, len(files)), np.array_split(labels, len(files)), strict=True
        ):
            content = {"data": rows.reshape(len(rows), -1), key: own.tolist()}
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
            found[name] = _md5(folder / name)
    names = folder / kind.meta["filename"]
    names.write_bytes(pickle.dumps({kind.meta["key"]: [f"class {i}" for i in range(classes)]}, protocol=2))
    # torchvision opens what has the right checksum only
    for attribute in ("train_list", "test_list"):
        monkeypatch.setattr(kind, attribute, [[name, found[name]] for name, _ in getattr(kind, attribute)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": _md5(names)})
    return folder


def pack_cifar(folder, monkeypatch):
    """CIFAR's files as the one archive that its makers offer, beside their folder, which goes away."""
    from torchvision import datasets

    archive = folder.parent / datasets.CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", _md5(archive))
    return archive


def _md5(file):
    return hashlib.md5(file.read_bytes()).hexdigest()
