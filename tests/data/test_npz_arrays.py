"""Images, counters and members that are no arrays in a .npz."""

import warnings
import zipfile

import numpy as np
import pytest

from rlflood.data import load
from rlflood.data.npz_arrays import read_npz
from rlflood.errors import InputError, RlfloodWarning

Y = np.arange(24) % 2
SIZES = {"train_size": 12, "val_size": 6, "test_size": None, "label_noise": 0.0, "seed": 0}


def npz(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [
        ((6, 5), (1, 6, 5)),
        ((3, 6, 5), (3, 6, 5)),
        ((12, 6, 5), (12, 6, 5)),
        ((6, 5, 3), (3, 6, 5)),
        ((6, 5, 1), (1, 6, 5)),
        ((6, 5, 4), (4, 6, 5)),
    ],
)
def test_images_are_rows_channel_by_channel(tmp_path, shape, image_shape):
    x = np.random.default_rng(0).integers(0, 256, (24, *shape), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = load(npz(tmp_path, x=x, y=Y))
    assert source.image_shape == image_shape and source.features == np.prod(shape)
    splits = source.split(**SIZES)
    assert splits.image_shape == image_shape and splits.train.x.shape == (12, np.prod(shape))
    # standardised by all pixels of a channel of the training split
    pixels = splits.train.x.reshape(12, image_shape[0], -1)
    np.testing.assert_allclose(pixels.mean(axis=(0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(pixels.std(axis=(0, 2)), 1, rtol=1e-4)
    image = np.asarray(read_npz(str(tmp_path / "data.npz")).x[7]).reshape(image_shape)
    last = shape != image_shape and len(shape) == 3
    np.testing.assert_array_equal(image, np.moveaxis(x[7], -1, 0) if last else x[7].reshape(image_shape))


def test_channels_that_may_be_first_or_last_are_told(tmp_path):
    x = np.random.default_rng(0).normal(size=(24, 3, 5, 3))
    with pytest.warns(RlfloodWarning, match="taken as .samples, channels, height, width."):
        assert load(npz(tmp_path, x=x, y=Y)).image_shape == (3, 5, 3)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 2, 2)])
def test_other_shapes_are_features(tmp_path, shape):
    source = load(npz(tmp_path, x=np.random.default_rng(0).normal(size=(24, *shape)), y=Y))
    assert source.image_shape is None and source.features == np.prod(shape)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x": b"1 2 3", "y.npy": None}, "x in .* is no array"),
        ({"x.npy": None, "y": b""}, "y in .* is no array"),
    ],
)
def test_members_that_are_no_arrays(tmp_path, members, message):
    np.save(tmp_path / "array.npy", np.random.default_rng(0).normal(size=(24, 2)))
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, (tmp_path / "array.npy").read_bytes() if content is None else content)
    with pytest.raises(InputError, match=message):
        load(str(tmp_path / "data.npz"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.float64(3), "y": Y}, r"x in .* has shape \(\)"),
        ({"x": np.ones((24, 2)), "y": np.int64(3)}, r"y in .* has shape \(\)"),
        ({"x": np.ones((24, 2), dtype=[("a", "f4")]), "y": Y}, "x in .* is of type"),
        ({"x": np.ones((24, 2), dtype="M8[D]"), "y": Y}, "x in .* is of type datetime64"),
    ],
)
def test_arrays_of_another_kind(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        load(npz(tmp_path, **arrays))


def test_a_column_that_counts_the_rows_is_left_out_or_kept(tmp_path):
    path = npz(tmp_path, x=np.c_[np.random.default_rng(0).normal(size=(24, 2)), np.arange(24)], y=Y)
    with pytest.warns(RlfloodWarning, match=r"column 3 numbers the rows.*--keep 3"):
        assert load(path).features == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(path, keep=["3"]).features == 3
    for keep in ("0", "4", "x"):
        with pytest.raises(InputError, match=f"'{keep}' cannot be kept"):
            load(path, keep=[keep])
