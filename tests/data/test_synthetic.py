from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.data import describe, load
from rlflood.data.synthetic import Blobs, SinusoidHighDimensional
from rlflood.errors import InputError

GENERATORS = tuple(row.name for row in describe() if row.kind == "synthetic")
BALANCED = ("two-gaussians", "spiral", "blobs")
SIZES = {"train_size": 64, "val_size": 32, "test_size": 50, "label_noise": 0.1, "seed": 3}


def parts(splits):
    return {"train": splits.train, "val": splits.val, "test": splits.test}


def same(first, second, fields=("x", "y", "y_clean")):
    return all(np.array_equal(getattr(first, field), getattr(second, field)) for field in fields)


@pytest.mark.parametrize("name", GENERATORS)
def test_shapes_types_and_exact_noise_in_each_split(name):
    source = load(name)
    splits = source.split(**SIZES)
    assert splits.classes == source.classes
    assert splits.features == source.features
    assert source.size is None
    for split, size in zip(parts(splits).values(), (64, 32, 50), strict=True):
        assert split.x.shape == (size, source.features)
        assert split.x.dtype == np.float32
        assert split.y.dtype == split.y_clean.dtype == np.int64
        assert (split.y != split.y_clean).sum() == round(0.1 * size)
        assert len(split) == size


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_seed_gives_the_same_data_and_another_seed_other_data(name):
    first, again = (load(name).split(**SIZES) for _ in range(2))
    other = load(name).split(**SIZES | {"seed": 4})
    for one, two, three in zip(*(parts(s).values() for s in (first, again, other)), strict=True):
        assert same(one, two)
        assert not np.array_equal(one.x, three.x)


@pytest.mark.parametrize("name", GENERATORS)
def test_noise_changes_labels_only(name):
    clean = load(name).split(**SIZES | {"label_noise": 0.0})
    noisy = load(name).split(**SIZES | {"label_noise": 0.4})
    for one, two in zip(parts(clean).values(), parts(noisy).values(), strict=True):
        assert same(one, two, ("x", "y_clean"))
        assert np.array_equal(one.y, one.y_clean)
        assert not np.shares_memory(one.y, one.y_clean)


@pytest.mark.parametrize("name", GENERATORS)
def test_one_size_leaves_the_other_splits_alone(name):
    first = parts(load(name).split(**SIZES))
    for changed, option in (("test", "test_size"), ("val", "val_size"), ("train", "train_size")):
        second = parts(load(name).split(**SIZES | {option: 77}))
        assert len(second[changed]) == 77
        assert all(same(first[key], second[key]) for key in first if key != changed)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_three_splits_share_no_sample(name):
    splits = load(name).split(**SIZES)
    x = np.concatenate([split.x for split in parts(splits).values()])
    assert len(np.unique(x, axis=0)) == len(x)


@pytest.mark.parametrize("name", BALANCED)
@given(size=st.integers(10, 99), seed=st.integers(0, 2**63))
def test_class_counts_differ_by_at_most_one(name, size, seed):
    sizes = {"train_size": size, "val_size": size, "test_size": size}
    splits = load(name).split(**sizes, label_noise=0.0, seed=seed)
    for split in parts(splits).values():
        counts = np.bincount(split.y_clean, minlength=splits.classes)
        assert counts.max() - counts.min() <= 1


def test_the_test_split_has_20000_samples_where_no_size_is_given():
    assert len(load("two-gaussians").split(**SIZES | {"test_size": None}).test) == 20_000


def test_two_gaussians_have_the_bayes_accuracy_of_theory():
    test = load("two-gaussians").split(**SIZES | {"test_size": 20_000}).test
    assert abs(test.x[test.y_clean == 0].mean()) < 0.02
    assert abs(test.x[test.y_clean == 1].mean() - 1) < 0.02
    # the likelihood ratio says 1 where the coordinates' sum is above half of m * d
    accuracy = ((test.x.sum(axis=1) > 5) == test.y_clean).mean()
    assert accuracy == pytest.approx(NormalDist().cdf(np.sqrt(10) / 2), abs=5 * 0.0017)


def test_two_gaussians_follow_their_options():
    source = load("two-gaussians", options={"dimensions": 4, "shift": 3.0})
    test = source.split(**SIZES | {"test_size": 20_000}).test
    assert test.x.shape == (20_000, 4)
    np.testing.assert_allclose(test.x[test.y_clean == 1].mean(axis=0), 3.0, atol=0.05)


def recomputed(x, scale=1.0):
    """The signed value that decides the class, in double precision, away from rounding at the border."""
    value = scale * x[:, 0].astype(float) + np.sin(scale * x[:, 1].astype(float))
    return value, np.abs(value) > 1e-5


def test_sinusoid_labels_follow_the_formula():
    test = load("sinusoid").split(**SIZES | {"test_size": 20_000}).test
    value, clear = recomputed(test.x)
    np.testing.assert_array_equal(test.y_clean[clear], value[clear] > 0)
    np.testing.assert_allclose(test.x.std(axis=0), 2.0, rtol=0.03)


def test_sinusoid_disc_is_uniform_in_radius_two_and_follows_the_formula():
    test = load("sinusoid-disc").split(**SIZES | {"test_size": 20_000}).test
    value, clear = recomputed(test.x, 1.5)
    np.testing.assert_array_equal(test.y_clean[clear], value[clear] > 0)
    squared = (test.x.astype(float) ** 2).sum(axis=1)
    assert squared.max() <= 4 * (1 + 1e-6)
    # area grows as the square of the radius: a quarter of the points within half the radius
    assert (squared < 1).mean() == pytest.approx(0.25, abs=5 * 0.0031)
    assert (test.x > 0).mean(axis=0) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("dimensions", [2, 10, 33])
def test_sinusoid_in_many_dimensions_depends_on_two_orthonormal_directions(dimensions):
    source = SinusoidHighDimensional(dimensions=dimensions)
    directions = source.directions(seed=3)
    np.testing.assert_allclose(directions.T @ directions, np.eye(2), atol=1e-6)
    assert not np.allclose(directions, source.directions(seed=4))
    test = source.split(**SIZES | {"test_size": 5000}).test
    value, clear = recomputed(test.x.astype(float) @ directions.astype(float))
    np.testing.assert_array_equal(test.y_clean[clear], value[clear] > 0)


def test_spiral_points_without_noise_lie_on_their_arms():
    test = load("spiral", options={"noise": 0}).split(**SIZES | {"test_size": 4000}).test
    radius = np.linalg.norm(test.x.astype(float), axis=1)
    angle = radius - np.pi * (test.y_clean == 0)
    assert angle.min() > -1e-5
    assert angle.max() < 4 * np.pi + 1e-5
    on_arm = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    np.testing.assert_allclose(test.x, on_arm, atol=2e-4)
    assert angle.mean() == pytest.approx(2 * np.pi, abs=0.3)


def test_spiral_noise_has_the_given_deviation():
    sizes = SIZES | {"test_size": 20_000}
    noisy = load("spiral", options={"noise": 0.5}).split(**sizes).test
    bare = load("spiral", options={"noise": 0}).split(**sizes).test
    np.testing.assert_allclose((noisy.x - bare.x).std(axis=0), 0.5, rtol=0.03)


@pytest.mark.parametrize(("classes", "dimensions"), [(2, 2), (3, 2), (10, 5)])
def test_blobs_are_unit_gaussians_around_their_centres(classes, dimensions):
    source = Blobs(classes=classes, dimensions=dimensions, separation=6)
    test = source.split(**SIZES | {"test_size": 20_000}).test
    centres = source.centres(seed=3)
    assert centres.shape == (classes, dimensions)
    for label, centre in enumerate(centres):
        own = test.x[test.y_clean == label]
        np.testing.assert_allclose(own.mean(axis=0), centre, atol=0.15)
        np.testing.assert_allclose(own.std(axis=0), 1.0, rtol=0.1)


@pytest.mark.parametrize("dimensions", [2, 20])
def test_blobs_centres_are_the_separation_apart(dimensions):
    source = Blobs(classes=2, dimensions=dimensions, separation=5)
    squared = [np.sum(np.subtract(*source.centres(seed)).astype(float) ** 2) for seed in range(1000)]
    # the mean square distance of 1000 draws; its relative deviation is sqrt(2 / dimensions / 1000)
    assert np.sqrt(np.mean(squared)) == pytest.approx(5, rel=0.06)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("blobs", {"classes": 51}, "classes of blobs is 51: give a whole number from 2 to 50"),
        ("blobs", {"classes": 2.5}, "whole number"),
        ("blobs", {"dimensions": 1}, "at least 2"),
        ("blobs", {"separation": -1}, "a number from 0 up"),
        ("two-gaussians", {"dimensions": "many"}, "dimensions of two-gaussians is 'many'"),
        ("two-gaussians", {"shift": float("nan")}, "shift of two-gaussians is nan"),
        ("spiral", {"noise": -0.1}, "noise of spiral"),
        ("sinusoid-10d", {"dimensions": 1}, "at least 2"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, options=options)


def test_options_may_come_as_text():
    assert load("blobs", options={"classes": "4", "separation": "2.5"}).classes == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_size": 1}, "train_size is 1, too small for two-gaussians"),
        ({"val_size": 1}, "val_size is 1, too small"),
        ({"test_size": 0}, "test_size is 0, too small"),
        ({"label_noise": 1.0}, "below 1"),
        ({"label_noise": float("nan")}, "below 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_split_that_cannot_be_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        load("two-gaussians").split(**SIZES | change)
