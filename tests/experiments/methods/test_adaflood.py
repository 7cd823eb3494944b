"""AdaFlood: networks that never saw a sample say its level, and are paid for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments import MethodOptions, get_method
from rlflood.experiments.methods.adaflood import FOLDS, AdaFlood, folds, held_out_probabilities
from rlflood.experiments.runs import stacks
from rlflood.training import AdaptiveFlooding, PopulationTrainer, make_population

GAMMAS = np.array([0.05, 0.5, 1.0])


@pytest.fixture(scope="module")
def record(setting):
    return AdaFlood(GAMMAS).run(setting)


@pytest.fixture(scope="module")
def probabilities(setting):
    return held_out_probabilities(setting)


def alone(setting, repeat, fold):
    """The probabilities under a plain network that is given the samples outside one fold and no others."""
    task = setting.task
    start = PopulationTrainer([task], [setting.data_seeds[repeat]], [setting.network_seeds[repeat]])
    network, train = start.module(0), start.splits[0].train
    x, y = torch.from_numpy(train.x), torch.from_numpy(train.y)
    optimizer = torch.optim.Adam(network.parameters(), lr=task.learning_rate)
    kept = torch.from_numpy(folds(task.train_size, setting.data_seeds[repeat]) != fold)
    for _ in range(task.epochs):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x[kept]), y[kept]).backward()
        optimizer.step()
    with torch.no_grad():
        return network(x).softmax(1)[torch.arange(len(y)), y].numpy()


def test_a_samples_probability_is_that_of_a_network_without_it(setting, probabilities):
    assert setting.task.batch_size is None  # the plain loop takes one step an epoch
    assert probabilities.shape == (setting.repeats, setting.task.train_size)
    for repeat in range(setting.repeats):
        fold = folds(setting.task.train_size, setting.data_seeds[repeat])
        for k in range(FOLDS):
            expected = alone(setting, repeat, k)
            np.testing.assert_allclose(probabilities[repeat, fold == k], expected[fold == k], atol=1e-3)
            # a network that saw them says something else
            assert np.abs(probabilities[repeat, fold != k] - expected[fold != k]).max() > 0.05


@given(samples=st.integers(1, 300), seed=st.integers(0, 2**31 - 1))
def test_folds_share_out_the_samples_evenly(samples, seed):
    fold = folds(samples, seed)
    assert fold.shape == (samples,)
    sizes = np.bincount(fold, minlength=FOLDS)
    assert len(sizes) == FOLDS
    assert sizes.max() - sizes.min() <= 1


def test_folds_are_drawn_from_the_data_seed():
    np.testing.assert_array_equal(folds(100, 3), folds(100, 3))
    assert (folds(100, 3) != folds(100, 4)).any()
    assert (np.sort(folds(100, 3)) != folds(100, 3)).any()


def test_a_repeats_probabilities_do_not_depend_on_what_is_trained_beside_it(
    setting, probabilities, monkeypatch
):
    second = held_out_probabilities(setting.part(slice(1, 2)))
    np.testing.assert_allclose(second, probabilities[1:2], atol=1e-3)
    monkeypatch.setattr(stacks, "MOST_REPLICAS", 2 * FOLDS)
    told = []
    parts = held_out_probabilities(setting, on_progress=lambda *now: told.append(now))
    np.testing.assert_allclose(parts, probabilities, atol=1e-3)
    total = setting.repeats * FOLDS * setting.task.epochs
    assert told == sorted(told) and told[-1] == (total, total)


@pytest.mark.parametrize("k", range(len(GAMMAS)))
def test_each_gamma_is_a_population_trained_by_hand(setting, record, probabilities, k):
    trainer = make_population(
        [setting.task] * setting.repeats,
        setting.data_seeds,
        setting.network_seeds,
        keep_best=True,
        objective=lambda replicas: AdaptiveFlooding(torch.from_numpy(probabilities[replicas])),
    )
    for _ in range(setting.task.epochs):
        metrics = trainer.run_epoch(GAMMAS[k])
    search = record.search
    np.testing.assert_allclose(search.val_loss_last[:, k], metrics.val_loss, rtol=1e-3)
    best = trainer.evaluate("test", "best")
    np.testing.assert_allclose(search.test_acc_best[:, k], best.clean_accuracy, atol=0.02)
    levels = -np.log((1 - GAMMAS[k]) * probabilities + GAMMAS[k]).mean(1)
    picked = search.picked_last == k
    expected = np.repeat(levels[picked, None], setting.task.epochs, axis=1)
    np.testing.assert_allclose(record.levels[picked], expected, atol=1e-3)


def test_at_gamma_1_nothing_is_flooded(setting, record):
    none = get_method("none").run(setting)
    np.testing.assert_allclose(record.search.val_loss_last[:, -1], none.val_loss[:, -1], rtol=1e-3)


def test_the_auxiliary_networks_are_paid_for(setting, record):
    method = AdaFlood(GAMMAS)
    epochs = (len(GAMMAS) + FOLDS) * setting.task.epochs
    assert method.epochs(setting.task) == epochs
    assert record.epochs_spent.tolist() == [epochs] * setting.repeats
    np.testing.assert_array_equal(record.search.epochs, np.full((setting.repeats, 3), setting.task.epochs))
    told = []
    method.run(setting, on_progress=lambda *now: told.append(now))
    total = setting.repeats * epochs
    assert told == sorted(told) and told[-1] == (total, total)
    assert {of for _, of in told} == {total}
    assert not method.floods and method.width == 3


def test_the_run_is_picked_by_validation(setting, record):
    search = record.search
    assert search.knob == "gamma"
    np.testing.assert_array_equal(search.values, [GAMMAS] * setting.repeats)
    for r in range(setting.repeats):
        scores = list(zip(search.val_acc_last[r], -search.val_loss_last[r], strict=True))
        chosen = max(range(3), key=scores.__getitem__)
        assert search.picked_last[r] == chosen
        assert record.test_acc_last[r] == search.test_acc_last[r, chosen]


def test_nineteen_runs_are_the_papers_gammas():
    gammas = get_method("adaflood", MethodOptions(runs=19)).gammas
    np.testing.assert_allclose(gammas, 0.05 * np.arange(1, 20))
