"""The problem with a known best level is what the tests of the methods take it for."""

import numpy as np


def test_each_repeat_has_one_clear_range_of_best_levels(known_best):
    for accuracy, best in zip(known_best.val_acc, known_best.best, strict=True):
        near = np.abs(known_best.levels - best) <= known_best.spacing + 1e-9
        assert accuracy[near].max() - accuracy[~near].max() > 0.004
        assert accuracy[near].max() - accuracy[0] > 0.01
        assert accuracy[near].max() - accuracy[-1] > 0.05


def test_the_best_levels_lie_inside_the_range_and_differ(known_best):
    assert (known_best.best > known_best.spacing).all()
    assert (known_best.best < known_best.highest - known_best.spacing).all()
    assert np.ptp(known_best.best) > 2 * known_best.spacing
