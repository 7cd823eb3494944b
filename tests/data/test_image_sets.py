import shutil

import numpy as np
import pytest

from rlflood.data import describe, image_sets, load
from rlflood.data.image_sets import IMAGE_SETS
from rlflood.errors import InputError
from tests.image_archives import IDX_FOLDERS, images, pack_cifar, write_cifar, write_mnist, write_svhn

datasets = pytest.importorskip("torchvision.datasets")

SIZES = {"train_size": 100, "val_size": 50, "test_size": 40, "label_noise": 0.1, "seed": 0}
COLOURED = ("svhn", "cifar10", "cifar100")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Empty places to look in, and no network."""

    def no_network(*args, **kwargs):
        raise OSError("there is no network")

    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path / "root"))
    monkeypatch.setattr(image_sets, "CACHE_ROOT", tmp_path / "cache")
    monkeypatch.setattr(image_sets, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("urllib.request.urlretrieve", no_network)
    image_sets._read.cache_clear()
    return tmp_path


def write(name, root, monkeypatch):
    if name in IDX_FOLDERS:
        return write_mnist(root, name)
    if name == "svhn":
        return write_svhn(root, monkeypatch)
    return write_cifar(root, monkeypatch, classes=IMAGE_SETS[name].classes)


def available(name):
    return next(row.available for row in describe() if row.name == name)


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_the_original_files_become_images(name, places, monkeypatch):
    assert not available(name)
    write(name, places / "root", monkeypatch)
    assert available(name)
    source = load(name)
    known = IMAGE_SETS[name]
    assert (source.image_shape, source.classes) == (known.shape, known.classes)
    assert (source.size, source.pool_size) == (260, 200)
    sizes = SIZES if known.classes == 10 else SIZES | {"val_size": 100, "label_noise": 0.0}
    splits = source.split(**sizes)
    assert splits.image_shape == known.shape
    shape = (-1, *known.shape)
    for channel in range(known.shape[0]):
        train = splits.train.x.reshape(shape)[:, channel]
        assert train.mean() == pytest.approx(0, abs=1e-4)
        assert train.std() == pytest.approx(1, abs=1e-4)
    # the pixels themselves: undo the standardisation and look the images up by their bytes
    pixels, labels = images(60, known.shape if name in COLOURED else (28, 28), known.classes, seed=1)
    by_label = [pixels[labels == label].reshape(-1, *known.shape).astype(float) for label in range(10)]
    for image, label in zip(splits.test.x.reshape(shape)[:8], splits.test.y_clean[:8], strict=True):
        if label >= 10:
            continue
        fits = [
            all(np.corrcoef(image[c].ravel(), own[c].ravel())[0, 1] > 0.9999 for c in range(len(image)))
            for own in by_label[label]
        ]
        assert sum(fits) == 1


def test_channels_have_a_mean_and_a_deviation_each(places, monkeypatch):
    write_cifar(places / "root", monkeypatch)
    folder = places / "root" / "cifar-10-batches-py"
    assert folder.is_dir()
    source = load("cifar10")
    pool = source._pool_x
    pool.flags.writeable = True
    pool[:, 0] //= 2  # a darker red
    splits = source.split(**SIZES)
    red, green = splits.train.x.reshape(-1, 3, 32, 32)[:, 0], splits.train.x.reshape(-1, 3, 32, 32)[:, 1]
    assert red.mean() == pytest.approx(green.mean(), abs=1e-3)
    assert red.std() == pytest.approx(green.std(), abs=1e-3)


def test_files_with_another_checksum_are_not_opened(places, monkeypatch):
    folder = write_cifar(places / "root", monkeypatch)
    file = folder / "data_batch_3"
    file.write_bytes(b"cos\nsystem\n(S'touch " + str(places / "harm").encode() + b"'\ntR.")
    with pytest.raises(InputError, match=r"cifar10 in .* are damaged"):
        load("cifar10")
    assert not (places / "harm").exists()


def test_an_archive_in_a_root_is_unpacked_without_a_network(places, monkeypatch):
    archive = pack_cifar(write_cifar(places / "root", monkeypatch), monkeypatch)
    assert load("cifar10").size == 260
    assert available("cifar10")
    assert archive.is_file()
    assert sorted(path.name for path in (places / "cache").iterdir()) == ["cifar-10-batches-py"]


def test_what_torchvision_downloads_appears_when_it_is_whole(places, monkeypatch, capsys):
    ready = write_mnist(places / "server", "mnist")

    def download(self):
        self.raw_folder_path = shutil.copytree(ready, self.raw_folder, dirs_exist_ok=True)

    monkeypatch.setattr(datasets.MNIST, "download", download)
    assert load("mnist").size == 260
    assert "downloading mnist" in capsys.readouterr().err
    assert available("mnist")
    monkeypatch.setattr(datasets.MNIST, "download", None)  # it is not called again
    image_sets._read.cache_clear()
    assert load("mnist").size == 260


def test_a_download_that_breaks_off_leaves_nothing(places, monkeypatch):
    def download(self):
        raise OSError("connection reset")

    monkeypatch.setattr(datasets.KMNIST, "download", download)
    with pytest.raises(InputError, match="connection reset"):
        load("kuzushiji-mnist")
    assert not list((places / "cache").iterdir())


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_without_files_or_network_the_message_says_where_they_belong(name, places):
    with pytest.raises(InputError) as caught:
        load(name)
    message = str(caught.value)
    known = IMAGE_SETS[name]
    for part in (
        name,
        str(places / "root" / known.folder),
        str(places / "cache" / known.folder),
        *known.files,
        "RLFLOOD_DATA",
        f"torchvision.datasets.{known.dataset}('FOLDER', download=True)",
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("name", COLOURED)
def test_truncated_files_are_named(name, places, monkeypatch):
    write(name, places / "root", monkeypatch)
    known = IMAGE_SETS[name]
    file = places / "root" / known.folder / known.files[0]
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(InputError, match="are damaged"):
        load(name)
