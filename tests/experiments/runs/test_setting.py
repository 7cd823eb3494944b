"""Seeds that pair the methods, and default sizes."""

import pytest

from rlflood.data import facts_of
from rlflood.errors import InputError
from rlflood.experiments import Setting, default_sizes
from rlflood.training import Task


def test_seeds_of_a_repeat_depend_on_the_seed_and_the_repeat_alone():
    few, many = (Setting.from_seed(Task(), 7, repeats) for repeats in (2, 5))
    assert many.data_seeds[:2] == few.data_seeds and many.network_seeds[:2] == few.network_seeds
    seeds = many.data_seeds + many.network_seeds + Setting.from_seed(Task(), 8, 5).data_seeds
    assert len(set(seeds)) == 15
    assert min(seeds) >= 0


@pytest.mark.parametrize(("seed", "repeats", "message"), [(-1, 1, "seed"), (0, 0, "repeats")])
def test_settings_that_cannot_be_run(seed, repeats, message):
    with pytest.raises(InputError, match=message):
        Setting.from_seed(Task(), seed, repeats)


def test_a_setting_has_seeds_in_pairs():
    with pytest.raises(ValueError, match="one data seed and one network seed"):
        Setting(Task(), (1, 2), (1,))


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("two-gaussians", (None, None, None), (100, 100, 20_000)),
        ("wine", (None, None, None), (59, 59, 60)),
        ("digits", (None, None, None), (200, 200, 1397)),
        ("digits", (300, None, 50), (300, 200, 50)),
        ("wine", (177, None, None), (177, 59, 1)),
        ("svhn", (None, None, None), (200, 200, 5000)),
    ],
)
def test_sizes_that_nobody_gave(name, given, expected):
    assert tuple(default_sizes(facts_of(name), *given).values()) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cifar100", (40_000, 10_000, 10_000)), ("svhn", (58_606, 14_651, 26_032)), ("wine", (59, 59, 60))],
)
def test_a_network_of_images_takes_all_that_there_is(name, expected):
    assert tuple(default_sizes(facts_of(name), None, None, None, "cnn").values()) == expected
