"""Objectives on problems with a known best value of their knob: they pick it, and train to the level set."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rlflood.experiments import MethodOptions, Setting, get_method
from rlflood.experiments.methods.adaflood import held_out_probabilities
from rlflood.experiments.methods.objectives import run_values
from rlflood.training import (
    AdaptiveFlooding,
    IndividualFlooding,
    PopulationTrainer,
    RelaxLoss,
    SoftAscentDescent,
    Task,
    WaveBound,
)


@pytest.fixture(scope="module")
def hidden_group(tmp_path_factory):
    """A problem for objectives that act on single samples: at moderate levels they reach the minority.

    One trait, in twenty features and so learned first, tells the class of 85 % of the samples and misleads on
    the others; one feature tells it for nearly all. Held at a level, the majority no longer counts, and the
    minority teaches the second feature; at a level near log(2), the majority is hardly learned.
    """
    file = tmp_path_factory.mktemp("hidden-group") / "group.npz"
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    sign = 2 * y - 1
    trait = sign * np.where(rng.random(3000) < 0.85, 1, -1) + 0.3 * rng.normal(size=3000)
    truth = sign + 0.5 * rng.normal(size=3000)
    np.savez(file, x=np.column_stack([*[trait] * 20, truth]).astype(np.float32), y=y)
    return Task(
        data=str(file), train_size=100, val_size=2000, test_size=100, hidden=(),
        optimizer="sgd", learning_rate=0.01, epochs=60,
    )  # fmt: skip


def sweep(setting, values, objective):
    """Validation accuracy after the last epoch: shape ``(repeats, values)``. One stack a repeat, by hand."""
    rows = []
    for repeat in range(setting.repeats):
        many = len(values)
        trainer = PopulationTrainer(
            [setting.task] * many,
            [setting.data_seeds[repeat]] * many,
            [setting.network_seeds[repeat]] * many,
            objective=lambda replicas, repeat=repeat: objective(np.full(len(replicas), repeat)),
        )
        for _ in range(setting.task.epochs):
            metrics = trainer.run_epoch(values)
        rows.append(metrics.val_acc)
    return np.array(rows)


def assert_picks_the_best(name, options, setting, dense, objective, scale=lambda value: value):
    """The picks are within a spacing of the method's grid of the best of a sweep, which lies inside it."""
    search = get_method(name, options).run(setting).search
    grid = scale(search.values[0])
    accuracy = sweep(setting, dense, objective)
    best = scale(dense[accuracy.argmax(axis=1)])
    spacing = np.diff(grid).max()
    assert np.all(np.abs(scale(search.picked_value("last")) - best) <= spacing + 1e-9)
    # values further off are worse, so that the above says something; so are both ends
    for row, value in zip(accuracy, best, strict=True):
        assert row.max() > row[np.abs(scale(dense) - value) > 2 * spacing].max()
    assert np.all(accuracy.max(axis=1) > np.maximum(accuracy[:, 0], accuracy[:, -1]))


def test_iflood_picks_the_best_level(hidden_group):
    task = hidden_group.model_copy(update={"learning_rate": 0.02, "momentum": 0.0, "epochs": 100})
    setting = Setting(task, data_seeds=(1, 2), network_seeds=(1, 2))
    options = MethodOptions(highest_level=0.8)
    dense = np.linspace(0, 0.8, 17)
    assert_picks_the_best("iflood", options, setting, dense, lambda repeats: IndividualFlooding())


def test_softad_picks_the_best_threshold(hidden_group):
    setting = Setting(hidden_group, data_seeds=(1, 9, 10), network_seeds=(1, 9, 10))
    options = MethodOptions(highest_level=0.8)
    dense = np.linspace(0, 0.8, 17)
    assert_picks_the_best("softad", options, setting, dense, lambda repeats: SoftAscentDescent())


def test_relaxloss_picks_the_best_alpha(known_best):
    options = MethodOptions(highest_level=known_best.highest)
    dense = np.linspace(0, known_best.highest, 21)
    assert_picks_the_best("relaxloss", options, known_best.setting, dense, lambda repeats: RelaxLoss())


def test_wavebound_picks_the_best_epsilon(known_best):
    setting = known_best.setting.part(slice(0, 2))
    dense = 10 ** np.linspace(-3, 1 / 3, 21)
    assert_picks_the_best("wavebound", MethodOptions(), setting, dense, lambda repeats: WaveBound(), np.log10)


def test_adaflood_picks_the_best_gamma(known_best):
    setting = known_best.setting.part(slice(0, 2))
    probabilities = torch.from_numpy(held_out_probabilities(setting))
    dense = np.linspace(0.05, 0.95, 19)
    assert_picks_the_best(
        "adaflood", MethodOptions(), setting, dense, lambda repeats: AdaptiveFlooding(probabilities[repeats])
    )


@pytest.mark.parametrize("objective", [IndividualFlooding, SoftAscentDescent, RelaxLoss])
def test_the_training_loss_ends_at_the_level(setting, objective):
    # a network that can fit every sample, wrong labels too
    task = setting.task.model_copy(update={"hidden": (50, 50), "epochs": 150, "learning_rate": 0.005})
    levels = np.array([0.0, 0.15, 0.3, 0.45])
    runs = run_values(replace(setting, task=task), levels, lambda numbers: objective())
    ends = runs.train_loss[:, -10:].mean(axis=1).reshape(setting.repeats, len(levels))
    np.testing.assert_allclose(ends, np.tile(levels, (setting.repeats, 1)), atol=0.04)
