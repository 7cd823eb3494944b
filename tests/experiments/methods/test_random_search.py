"""Random search: what is drawn, and that runs are what they are drawn for."""

from dataclasses import replace

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments import MethodOptions, get_method
from rlflood.experiments.methods.random_search import search_seeds
from rlflood.experiments.runs.parts import interim_epochs


@pytest.fixture(scope="module")
def record(setting):
    return get_method("random:6", MethodOptions(highest_level=0.4)).run(setting)


def test_levels_lie_in_the_range_and_differ_between_repeats(setting, record):
    values = record.search.values
    assert values.shape == (setting.repeats, 6)
    assert (values >= 0).all() and (values <= 0.4).all()
    assert len(np.unique(values)) == values.size
    assert record.search.anytime


def test_levels_are_uniform(setting):
    many = replace(setting, data_seeds=tuple(range(400)), network_seeds=tuple(range(400)))
    first = [np.random.default_rng(seed).uniform() for seed in search_seeds(many)]
    # the standard error of the mean is 0.0144; of a share of a quarter 0.022
    assert np.mean(first) == pytest.approx(0.5, abs=0.06)
    assert np.mean(np.less(first, 0.25)) == pytest.approx(0.25, abs=0.09)


def test_a_shorter_search_is_the_beginning_of_a_longer_one(setting, record):
    short = get_method("random:3", MethodOptions(highest_level=0.4)).run(setting)
    np.testing.assert_array_equal(short.search.values, record.search.values[:, :3])
    np.testing.assert_allclose(short.search.val_loss_last, record.search.val_loss_last[:, :3], rtol=1e-4)


def test_a_repeat_is_the_same_whichever_others_run_beside_it(setting, record):
    alone = get_method("random:6", MethodOptions(highest_level=0.4)).run(setting.part(slice(1, 2)))
    np.testing.assert_array_equal(alone.search.values[0], record.search.values[1])


def test_each_candidate_is_a_constant_level(setting, record):
    level = float(record.search.values[0, 2])
    constant = get_method(f"constant:{level!r}").run(setting.part(slice(0, 1)))
    assert constant.val_loss[0, -1] == pytest.approx(record.search.val_loss_last[0, 2], rel=1e-4)
    rows = np.arange(setting.repeats)
    np.testing.assert_array_equal(record.levels[:, 0], record.search.values[rows, record.search.picked_last])
    np.testing.assert_array_equal(record.epochs_spent, 6 * setting.task.epochs)


def test_the_seeds_of_a_search_depend_on_both_seeds_of_its_repeat(setting):
    seeds = search_seeds(setting)
    assert search_seeds(replace(setting, data_seeds=tuple(s + 1 for s in setting.data_seeds))) != seeds
    assert search_seeds(replace(setting, network_seeds=tuple(s + 1 for s in setting.network_seeds))) != seeds
    assert search_seeds(setting) == seeds


def test_it_picks_a_level_near_the_best(known_best):
    method = get_method("random:20", MethodOptions(highest_level=known_best.highest))
    picked = method.run(known_best.setting).search.picked_value("last")
    assert (np.abs(picked - known_best.best) <= known_best.spacing).all()


@pytest.mark.parametrize("name", ["random:1", "random:x", "pbt:1", "pbt:", "tpe:1", "tpe-median:0.5"])
def test_budgets_that_are_none(name):
    with pytest.raises(InputError, match="whole number of at least 2"):
        get_method(name)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (1, []),
        (2, [1]),
        (5, [1, 2, 3, 4]),
        (12, [1, 2, 3, 4, 6, 7, 8, 9, 10]),
        (200, list(range(20, 200, 20))),
    ],
)
def test_a_run_is_looked_at_after_each_tenth_but_the_last(epochs, expected):
    assert interim_epochs(epochs) == expected
