import math
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.training.distribution import Family, FixedTask, Mixture
from rlflood.validation import validated


@pytest.fixture(scope="module")
def draws():
    rng = np.random.default_rng(0)
    return [Mixture().draw(rng) for _ in range(6000)]


def test_a_fixed_task_is_the_same_whatever_the_generator():
    task = Task(epochs=7)
    assert FixedTask(task).draw(np.random.default_rng(0)) is task


def test_the_same_generator_draws_the_same_tasks():
    first, second = ([Mixture().draw(rng) for _ in range(20)] for rng in map(np.random.default_rng, (3, 3)))
    assert first == second


def test_draws_are_valid_tasks_that_load_and_go_through_json(draws):
    for number, task in enumerate(draws[:150]):
        assert Task.model_validate_json(task.model_dump_json()) == task
        small = task.model_copy(update={"test_size": 5})
        splits = small.split(number)
        assert len(splits.train) == task.train_size
        assert np.isfinite(splits.train.x).all()
        moved = np.count_nonzero(splits.train.y != splits.train.y_clean)
        assert abs(moved - task.label_noise * task.train_size) <= 1


def test_shares_are_as_documented(draws):
    mixture = Mixture()
    families = Counter(task.data for task in draws)
    assert set(families) == set(mixture.families)
    assert stats.chisquare(list(families.values())).pvalue > 1e-3
    noise = np.array([task.label_noise for task in draws])
    clean = np.count_nonzero(noise == 0)
    assert stats.binomtest(clean, len(draws), mixture.clean_share).pvalue > 1e-3
    low, high = mixture.label_noise
    assert stats.kstest(noise[noise > 0], "uniform", (low, high - low)).pvalue > 1e-3
    blobs = np.array([task.data_options["classes"] for task in draws if task.data == "blobs"])
    assert (blobs.min(), blobs.max()) == (3, 10)
    # log-uniform over 3 .. 10, both ends full members: P(3) = log(4/3) / log(11/3)
    threes = np.count_nonzero(blobs == 3)
    assert stats.binomtest(threes, len(blobs), math.log(4 / 3) / math.log(11 / 3)).pvalue > 1e-3
    dimensions = np.array([task.data_options["dimensions"] for task in draws if task.data == "blobs"])
    assert (dimensions.min(), dimensions.max()) == (2, 40)
    below = np.count_nonzero(dimensions <= 8)
    assert stats.binomtest(below, len(dimensions), math.log(9 / 2) / math.log(41 / 2)).pvalue > 1e-3


def test_gaussians_are_as_hard_in_few_dimensions_as_in_many(draws):
    options = [task.data_options for task in draws if task.data == "two-gaussians"]
    distance = np.array([o["shift"] * math.sqrt(o["dimensions"]) for o in options])
    assert stats.kstest(distance, "uniform", (1.5, 3.0)).pvalue > 1e-3
    assert abs(stats.spearmanr(distance, [o["dimensions"] for o in options]).statistic) < 0.1


def test_draws_share_the_base_and_can_be_stacked():
    base = Task(epochs=17, hidden=(5,), train_size=40, test_size=30, batch_size=8)
    rng = np.random.default_rng(1)
    tasks = [Mixture(base=base).draw(rng) for _ in range(30)]
    assert {task.stack_key for task in tasks} == {base.stack_key}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": (10, 3)}, "classes: "),
        ({"classes": (1, 3)}, "classes.0: "),
        ({"classes": (3, 51)}, "classes.1: "),
        ({"dimensions": (0, 4)}, "dimensions.0: "),
        ({"dimensions": (8, 4)}, "dimensions: "),
        ({"label_noise": (0.4, 0.1)}, "label_noise: "),
        ({"label_noise": (0.1, 1.0)}, "label_noise.1: "),
        ({"families": ()}, "families: "),
        ({"families": ("nonsense",)}, "families.0: "),
        ({"imbalance": 0.5}, "imbalance: "),
        ({"clean_share": 1.5}, "clean_share: "),
        ({"klasses": 3}, "klasses: no such key"),
    ],
)
def test_bad_ranges_are_refused_before_anything_is_drawn(values, message):
    with pytest.raises(InputError) as caught:
        validated(Mixture, values, "the mixture")
    assert str(caught.value).startswith(f"the mixture: {message}")


def test_all_clean_and_all_noisy_are_possible():
    rng = np.random.default_rng(0)
    assert all(Mixture(clean_share=1.0).draw(rng).label_noise == 0 for _ in range(20))
    assert all(Mixture(clean_share=0.0).draw(rng).label_noise > 0 for _ in range(20))


def test_a_range_of_one_value():
    mixture = Mixture(families=("blobs",), classes=(4, 4), dimensions=(6, 6), label_noise=(0.1, 0.1))
    task = mixture.draw(np.random.default_rng(0))
    assert task.data_options["classes"] == 4
    assert task.data_options["dimensions"] == 6


def test_variants_change_the_base_and_are_drawn_alike() -> None:
    mixture = Mixture(base=Task(batch_size=20), variants=({}, {"batch_size": 6, "learning_rate": 0.1}))
    rng = np.random.default_rng(0)
    drawn = [(task.batch_size, task.learning_rate) for task in (mixture.draw(rng) for _ in range(400))]
    assert set(drawn) == {(20, 1e-3), (6, 0.1)}
    assert 160 < drawn.count((6, 0.1)) < 240
    assert Mixture.model_validate(mixture.model_dump(mode="json")) == mixture


def test_a_variant_that_is_no_task_is_named() -> None:
    with pytest.raises(InputError, match=r"variant .*batch: no such key"):
        validated(Mixture, {"variants": [{"batch": 6}]}, "the preset")


def test_every_family_draws_tasks_that_load() -> None:
    families = get_args(Family)
    rng = np.random.default_rng(2)
    for family in families:
        mixture = Mixture(families=(family,), classes=(2, 20), dimensions=(2, 100), imbalance=8.0)
        for seed in range(8):
            task = mixture.draw(rng)
            small = task.model_copy(update={"train_size": 60, "val_size": 50, "test_size": 20})
            splits = small.split(seed)
            assert task.data == family
            assert np.isfinite(splits.train.x).all()
            assert 2 <= splits.classes <= 20


def test_imbalance_is_log_uniform_and_off_by_default() -> None:
    rng = np.random.default_rng(0)
    drawn = [Mixture(families=("clusters",)).draw(rng).data_options["imbalance"] for _ in range(20)]
    assert drawn == [1.0] * 20
    uneven = Mixture(families=("clusters",), imbalance=9.0)
    ratios = np.array([uneven.draw(rng).data_options["imbalance"] for _ in range(2000)])
    assert stats.kstest(np.log(ratios), "uniform", (0, math.log(9))).pvalue > 1e-3
