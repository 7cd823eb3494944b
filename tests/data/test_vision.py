import gzip

import numpy as np
import pytest

from rlflood.data import describe, facts_of, image_sets, load
from rlflood.errors import InputError
from tests.image_archives import idx

pytest.importorskip("torchvision")

SIZES = {"train_size": 30, "val_size": 20, "test_size": 10, "label_noise": 0.1, "seed": 0}


def write_set(folder, compressed=False, train=100, test=40):
    """Small files in the original format: image number i of a part has brightness i, label i mod 10."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        brightness = np.arange(count, dtype=np.uint8)
        images = np.broadcast_to(brightness[:, None, None], (count, 28, 28))
        for name, array in (
            (f"{part}-images-idx3-ubyte", images),
            (f"{part}-labels-idx1-ubyte", brightness % 10),
        ):
            if compressed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Empty places to look in, instead of this machine's."""
    monkeypatch.delenv("RLFLOOD_DATA", raising=False)
    monkeypatch.setattr(image_sets, "CACHE_ROOT", tmp_path / "cache")
    monkeypatch.setattr(image_sets, "DEBIAN_FOLDER", tmp_path / "debian")
    image_sets._read.cache_clear()
    return tmp_path


def available():
    return next(row.available for row in describe() if row.name == "fashion-mnist")


@pytest.mark.parametrize("compressed", [False, True])
def test_the_three_places_are_found(places, monkeypatch, compressed):
    monkeypatch.setenv("RLFLOOD_DATA", str(places / "root"))
    for folder in ("root/FashionMNIST/raw", "cache/FashionMNIST/raw", "debian"):
        assert not available()
        write_set(places / folder, compressed)
        assert available()
        source = load("fashion-mnist")
        assert (source.classes, source.features, source.size) == (10, 784, 140)
        for file in (places / folder).iterdir():
            file.unlink()


def test_pixels_are_standardised_by_one_mean_and_deviation_of_the_training_split(places):
    write_set(places / "debian", compressed=True)
    splits = load("fashion-mnist").split(**SIZES)
    assert splits.train.x.shape == (30, 784)
    assert splits.train.x.dtype == np.float32
    assert splits.train.x.mean() == pytest.approx(0, abs=1e-5)
    assert splits.train.x.std() == pytest.approx(1, abs=1e-5)
    # brightness is the image's number: undo the one shift and scale by two images, then all must be whole
    labels = splits.train.y_clean
    levels = splits.train.x[:, 0].astype(float)
    step = np.diff(np.unique(levels)).min()
    numbers = levels / step
    for part in (splits.val, splits.test):
        offsets = part.x[:, 0] / step - numbers[0]
        np.testing.assert_allclose(offsets, np.round(offsets), atol=1e-2)
        np.testing.assert_array_equal((np.round(offsets) + labels[0]) % 10, part.y_clean)


def test_the_splits_are_stratified_and_the_test_comes_from_the_official_one(places):
    write_set(places / "debian")
    splits = load("fashion-mnist").split(**SIZES | {"test_size": None})
    assert np.bincount(splits.train.y_clean).tolist() == [3] * 10
    assert np.bincount(splits.val.y_clean).tolist() == [2] * 10
    assert np.bincount(splits.test.y_clean).tolist() == [4] * 10
    pool = np.concatenate([splits.train.x[:, 0], splits.val.x[:, 0]])
    assert len(np.unique(pool)) == 50
    for part in (splits.train, splits.val, splits.test):
        assert (part.y != part.y_clean).sum() == round(0.1 * len(part))


def test_it_is_read_once(places):
    write_set(places / "debian")
    assert load("fashion-mnist") is load("fashion-mnist")


def test_without_files_the_message_names_debians_package(places, monkeypatch):
    def no_network(self):
        raise OSError("there is no network")

    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", no_network)
    with pytest.raises(InputError, match="apt-get install dataset-fashion-mnist") as caught:
        load("fashion-mnist")
    assert str(places / "debian") in str(caught.value)


def test_a_missing_file_of_the_four_makes_the_place_unfit(places):
    write_set(places / "debian")
    (places / "debian" / "t10k-labels-idx1-ubyte").unlink()
    assert not available()


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_named(places, compressed):
    write_set(places / "debian", compressed)
    for file in (places / "debian").glob("train-images*"):
        file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(InputError, match="debian are damaged"):
        load("fashion-mnist")


def test_images_without_labels_are_named(places):
    write_set(places / "debian")
    write_set(places / "other", train=90)
    (places / "debian" / "train-labels-idx1-ubyte").write_bytes(
        (places / "other" / "train-labels-idx1-ubyte").read_bytes()
    )
    with pytest.raises(InputError, match="100 images of 1 x 28 x 28, 90 labels"):
        load("fashion-mnist")


@pytest.mark.parametrize("change", [{"train_size": 90}, {"test_size": 41}])
def test_splits_that_do_not_fit_are_refused(places, change):
    write_set(places / "debian")
    with pytest.raises(InputError, match="100 samples for training and validation and 40 for testing"):
        load("fashion-mnist").split(**SIZES | change)


REAL = image_sets.DEBIAN_FOLDER


@pytest.mark.skipif(not REAL.is_dir(), reason="the package dataset-fashion-mnist is not installed")
def test_the_real_files_of_debian(monkeypatch):
    monkeypatch.setattr(image_sets, "DEBIAN_FOLDER", REAL)
    source = load("fashion-mnist")
    assert source.facts == facts_of("fashion-mnist")
    splits = source.split(**SIZES | {"train_size": 1000, "test_size": None})
    assert np.bincount(splits.train.y_clean).tolist() == [100] * 10
    assert np.bincount(splits.test.y_clean).tolist() == [1000] * 10
