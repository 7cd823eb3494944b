import numpy as np
import pytest

from rlflood.data import facts_of, load
from rlflood.data.tabular import TableSource
from rlflood.errors import InputError

NAMES = ("digits", "breast-cancer", "wine")
SIZES = {"train_size": 60, "val_size": 40, "test_size": 50, "label_noise": 0.1, "seed": 0}


def numbered(counts=(50, 30, 20)):
    """Arrays whose first feature is the row's number, so that a split shows which rows it took."""
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(len(y), 4))
    x[:, 0] = np.arange(len(y))
    return x, y


def rows_of(source, splits):
    """Undo the standardisation of the first feature by what is known of it: it is 0, 1, 2 ... in all."""
    first = np.concatenate([part.x[:, 0] for part in (splits.train, splits.val, splits.test)]).astype(float)
    rows = np.argsort(np.argsort(first))
    assert len(rows) == source.size
    return np.split(rows, np.cumsum([len(splits.train), len(splits.val)]))


@pytest.mark.parametrize("name", NAMES)
def test_the_sets_are_as_described_and_split_exactly(name):
    source = load(name)
    assert source.facts == facts_of(name)
    splits = source.split(**SIZES)
    for split, size in zip((splits.train, splits.val, splits.test), (60, 40, 50), strict=True):
        assert split.x.shape == (size, source.features)
        assert split.x.dtype == np.float32
        assert (split.y != split.y_clean).sum() == round(0.1 * size)
    assert set(splits.train.y_clean) == set(range(source.classes))


def test_without_a_test_size_every_sample_is_used_once():
    source = TableSource("numbered", *numbered())
    splits = source.split(**SIZES | {"train_size": 30, "val_size": 20, "test_size": None})
    assert len(splits.test) == 50
    rows = rows_of(source, splits)
    assert sorted(np.concatenate(rows)) == list(range(100))
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    for part, own in zip((splits.train, splits.val, splits.test), rows, strict=True):
        np.testing.assert_array_equal(part.y_clean, labels[own])
    # shares of 50, 30 and 20 % of 30, 20 and 50
    assert np.bincount(splits.train.y_clean).tolist() == [15, 9, 6]
    assert np.bincount(splits.val.y_clean).tolist() == [10, 6, 4]
    assert np.bincount(splits.test.y_clean).tolist() == [25, 15, 10]


def test_features_are_standardised_by_the_training_split():
    splits = load("breast-cancer").split(**SIZES)
    np.testing.assert_allclose(splits.train.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(splits.train.x.std(axis=0), 1, rtol=1e-4)
    assert np.abs(splits.val.x.mean(axis=0)).max() > 0.05


def test_changing_what_is_not_trained_on_leaves_the_training_samples_as_they_are():
    x, y = numbered()
    source = TableSource("numbered", x.copy(), y)
    splits = source.split(**SIZES | {"train_size": 30, "val_size": 20, "test_size": None})
    trained = rows_of(source, splits)[0]
    others = np.setdiff1d(np.arange(100), trained)
    x[others, 1:] *= 1000
    again = TableSource("changed", x, y).split(
        **SIZES | {"train_size": 30, "val_size": 20, "test_size": None}
    )
    np.testing.assert_array_equal(again.train.x, splits.train.x)


def test_a_rare_class_is_always_trained_on():
    source = TableSource("rare", *numbered((500, 400, 3)))
    for seed in range(10):
        splits = source.split(**SIZES | {"train_size": 10, "seed": seed})
        assert np.bincount(splits.train.y_clean, minlength=3)[2] == 1


def test_noise_and_test_size_leave_the_rest_alone():
    source = load("digits")
    first = source.split(**SIZES)
    noisy = source.split(**SIZES | {"label_noise": 0.3})
    longer = source.split(**SIZES | {"test_size": None})
    for name in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(first, name).x, getattr(noisy, name).x)
        np.testing.assert_array_equal(getattr(first, name).y_clean, getattr(noisy, name).y_clean)
    for name in ("train", "val"):
        for field in ("x", "y", "y_clean"):
            np.testing.assert_array_equal(
                getattr(getattr(first, name), field), getattr(getattr(longer, name), field)
            )
    assert len(longer.test) == 1797 - 100


def test_the_seed_decides():
    first, again, other = (load("wine").split(**SIZES | {"seed": seed}) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    np.testing.assert_array_equal(first.test.y, again.test.y)
    assert not np.array_equal(first.train.x, other.train.x)


def test_splits_may_be_written_to_without_harm_to_the_source():
    first = load("wine").split(**SIZES)
    kept = first.train.x.copy()
    first.train.x[:] = 0
    first.train.y_clean[:] = 0
    again = load("wine").split(**SIZES)
    np.testing.assert_array_equal(again.train.x, kept)
    assert set(again.train.y_clean) == {0, 1, 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_size": 100}, "has 178 samples, but 100 for training, 40 for validation and 50 for testing"),
        ({"train_size": 138, "test_size": None}, "and at least 1 for testing"),
        ({"val_size": 2}, "val_size is 2, too small for wine .3 classes.: give at least 3"),
        ({"train_size": 2}, "train_size is 2"),
    ],
)
def test_splits_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        load("wine").split(**SIZES | change)
