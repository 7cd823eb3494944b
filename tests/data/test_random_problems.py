import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from rlflood.data import load
from rlflood.errors import InputError

FAMILIES = (
    "clusters",
    "manifold",
    "teacher",
    "voronoi",
    "patterns",
    "strokes",
    "rings",
    "checkerboard",
    "decision-tree",
)
SIZES = {"train_size": 200, "val_size": 50, "test_size": 60, "label_noise": 0.1}


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_types_noise_and_seeds(name):
    source = load(name)
    first, again, other = (source.split(**SIZES, seed=seed) for seed in (3, 3, 4))
    assert first.train.x.shape == (200, source.features)
    assert first.train.x.dtype == np.float32 and first.train.y.dtype == np.int64
    assert (first.train.y != first.train.y_clean).sum() == 20
    assert np.array_equal(first.test.x, again.test.x) and np.array_equal(first.test.y, again.test.y)
    assert not np.array_equal(first.test.x, other.test.x)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_three_splits_share_one_problem_that_can_be_learned(name):
    # a seed's rule holds in all splits: neighbours in the training split foretell the test labels
    splits = load(name).split(train_size=3000, val_size=50, test_size=400, label_noise=0.0, seed=5)
    distances = ((splits.test.x[:, None] - splits.train.x[None]) ** 2).sum(2)
    nearest = splits.train.y[np.argpartition(distances, 5, axis=1)[:, :5]]
    votes = np.stack([(nearest == label).sum(1) for label in range(splits.classes)], axis=1)
    right = (votes.argmax(1) == splits.test.y_clean).mean()
    assert right > 1 / splits.classes + 0.15


@pytest.mark.parametrize("name", FAMILIES)
def test_inputs_have_a_variance_of_about_one(name):
    spreads = [load(name).split(**SIZES, seed=seed).train.x.std() for seed in range(10)]
    assert 0.6 < np.mean(spreads) < 1.6


@settings(max_examples=25, deadline=None)
@given(classes=st.integers(2, 20), imbalance=st.floats(1, 20), seed=st.integers(0, 1000))
def test_class_counts_fall_geometrically_to_the_imbalance(classes, imbalance, seed):
    source = load("clusters", options={"classes": classes, "imbalance": imbalance, "dimensions": 3})
    y = source.split(train_size=4000, val_size=30, test_size=10, label_noise=0, seed=seed).train.y
    shares = imbalance ** -(np.arange(classes) / (classes - 1))
    expected = 4000 * shares / shares.sum()
    assert np.abs(np.bincount(y, minlength=classes) - expected).max() <= 1.001


def test_a_tree_of_one_split_is_a_threshold_on_one_feature():
    source = load("decision-tree", options={"classes": 2, "dimensions": 3, "depth": 1})
    for seed in range(5):
        train = source.split(train_size=500, val_size=10, test_size=10, label_noise=0, seed=seed).train
        separated = []
        for column in train.x.T:
            low, high = column[train.y == 0], column[train.y == 1]
            separated.append(low.max() < high.min() or high.max() < low.min())
        assert sum(separated) == 1


def test_rings_follow_the_radius_of_the_inner_features_only():
    options = {"classes": 3, "dimensions": 5, "inner": 2}
    train = (
        load("rings", options=options)
        .split(train_size=900, val_size=9, test_size=9, label_noise=0, seed=1)
        .train
    )
    radius = np.linalg.norm(train.x[:, :2], axis=1)
    by_radius = train.y[np.argsort(radius)]
    assert np.array_equal(by_radius, np.sort(train.y))
    assert np.bincount(train.y).min() > 200


def test_voronoi_cells_of_one_point_a_class_are_separated_by_straight_lines():
    """Two cells: the label is the sign of a linear function of the inner features, and of nothing else."""
    source = load("voronoi", options={"classes": 2, "dimensions": 5, "inner": 2, "cells": 1})
    train = source.split(train_size=400, val_size=10, test_size=10, label_noise=0, seed=1).train
    line = LogisticRegression(C=1e6)
    assert line.fit(train.x[:, :2], train.y).score(train.x[:, :2], train.y) > 0.99
    shares = np.bincount(train.y) / len(train.y)
    assert line.fit(train.x[:, 2:], train.y).score(train.x[:, 2:], train.y) < shares.max() + 0.05


def test_one_stroke_without_a_hand_is_a_line_of_ink():
    """Of each class one picture: ink falls with the distance to one segment, worked out point by point."""
    options = {"classes": 2, "side": 9, "strokes": 1, "wobble": 0, "shift": 0, "noise": 0}
    train = (
        load("strokes", options=options)
        .split(train_size=40, val_size=9, test_size=9, label_noise=0, seed=3)
        .train
    )
    for label in (0, 1):
        pictures = train.x[train.y == label]
        np.testing.assert_array_equal(pictures, np.broadcast_to(pictures[0], pictures.shape))
        # pixels of at least half the ink lie along a line: their spread across it is less than the width
        ink = pictures[0].reshape(9, 9)
        ink = (ink - ink.min()) / (ink.max() - ink.min())
        rows, columns = np.nonzero(ink > 0.5)
        points = (np.stack([rows, columns], 1) + 0.5) / 9
        across = np.linalg.svd(points - points.mean(0), full_matrices=False)[1][-1] / np.sqrt(len(points))
        assert len(points) >= 3 and across < 0.08


def test_drawings_that_are_moved_differ_and_stay_of_their_class():
    def split(**options):
        source = load("strokes", options={"classes": 4, "noise": 0, **options})
        return source.split(train_size=200, val_size=9, test_size=100, label_noise=0, seed=1)

    still, moved = split(wobble=0, shift=0), split(wobble=0.05, shift=0.05)
    assert len(np.unique(still.train.x.round(4), axis=0)) == 4
    assert len(np.unique(moved.train.x.round(4), axis=0)) == 200
    line = LogisticRegression(max_iter=500).fit(moved.train.x, moved.train.y)
    assert line.score(moved.test.x, moved.test.y) > 0.9


def test_neighbours_on_the_checkerboard_differ():
    options = {"classes": 2, "dimensions": 2, "squares": 2}
    train = (
        load("checkerboard", options=options)
        .split(train_size=800, val_size=9, test_size=9, label_noise=0, seed=1)
        .train
    )
    # two squares a side: the label is whether the signs agree, but for a thin strip around the medians
    clear = np.abs(train.x).min(1) > 0.2
    agree = (np.sign(train.x[:, 0]) == np.sign(train.x[:, 1])).astype(int)
    assert len(np.unique(agree[clear] == train.y[clear])) == 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clusters", {"classes": 51}, "classes of clusters is 51: give a whole number from 2 to 50"),
        ("clusters", {"imbalance": 0.5}, "imbalance of clusters"),
        ("manifold", {"latent": 0}, "latent of manifold"),
        ("strokes", {"strokes": 0}, "strokes of strokes"),
        ("strokes", {"wobble": -1}, "wobble of strokes"),
        ("teacher", {"gain": -1}, "gain of teacher"),
        ("rings", {"dimensions": 3, "inner": 4}, "inner of rings is 4: give a whole number from 1 to 3"),
        ("checkerboard", {"squares": 1}, "squares of checkerboard"),
        ("decision-tree", {"depth": 13}, "depth of decision-tree"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, options=options)
