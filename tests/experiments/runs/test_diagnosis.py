"""Diagnoses against trainers driven by hand: the same runs, looked at from outside."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from rlflood.experiments.runs import diagnosis as module_under_test
from rlflood.experiments.runs.diagnosis import POINTS, Diagnosis, diagnose, from_arrays, points, to_arrays
from rlflood.experiments.runs.setting import Setting
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ReplayFlood
from rlflood.training import PopulationTrainer, Task

TASK = Task(
    data="wine", train_size=40, val_size=40, label_noise=0.2, hidden=(12, 9), epochs=8, learning_rate=0.02,
    batch_size=16,
)  # fmt: skip
# the second repeat is on the first one's data
SETTING = Setting(TASK, data_seeds=(4, 4, 5), network_seeds=(1, 2, 3))
LEVELS = np.stack([np.linspace(0.9, 0.2, 8), np.full(8, 0.5), np.zeros(8)])


@pytest.fixture(scope="module")
def diagnosed():
    return diagnose(SETTING, LEVELS)


def trainer_of(setting):
    return PopulationTrainer([setting.task] * setting.repeats, setting.data_seeds, setting.network_seeds)


def filter_normalised(trainer, repeat):
    split = TASK.split(SETTING.data_seeds[repeat]).train
    module = trainer.module(repeat).eval()
    F.cross_entropy(module(torch.from_numpy(split.x)), torch.from_numpy(split.y)).backward()
    filters = [layer.weight for layer in module if isinstance(layer, nn.Linear)]
    return sum(float((w.grad * w.detach().norm(dim=1, keepdim=True)).square().sum()) for w in filters) ** 0.5


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_curves_are_those_of_a_trainer_driven_by_hand(diagnosed, batch_norm):
    setting = SETTING
    if batch_norm:
        setting = Setting(
            TASK.model_copy(update={"batch_norm": True}), SETTING.data_seeds, SETTING.network_seeds
        )
        diagnosed = diagnose(setting, LEVELS)
    np.testing.assert_array_equal(diagnosed.epochs, np.arange(1, 9))
    trainer = trainer_of(setting)
    for epoch in range(8):
        metrics = trainer.run_epoch(LEVELS[:, epoch])
        train, test = trainer.evaluate("train"), trainer.evaluate("test")
        expected = {
            "train_loss": train.loss,
            "train_acc": train.accuracy,
            "val_loss": metrics.val_loss,
            "noisy_test_loss": test.loss,
            "noisy_test_acc": test.accuracy,
            "test_acc": test.clean_accuracy,
            "gradient_norm": [filter_normalised(trainer, repeat) for repeat in range(3)],
        }
        for name, values in expected.items():
            measured = getattr(diagnosed, name)[:, epoch]
            np.testing.assert_allclose(measured, values, rtol=1e-5, err_msg=name)


def test_it_repeats_the_runs_of_a_comparison(diagnosed):
    runs = run_schedule(SETTING, lambda numbers: ReplayFlood(LEVELS[numbers].T))
    np.testing.assert_array_equal(runs.levels, LEVELS)
    np.testing.assert_allclose(diagnosed.val_loss, runs.val_loss, rtol=1e-4)
    np.testing.assert_allclose(diagnosed.test_acc[:, -1], runs.test_acc_last)
    np.testing.assert_allclose(diagnosed.noisy_test_acc[:, -1], runs.noisy_test_acc_last)


def test_it_can_take_some_of_the_repeats(diagnosed):
    told = []
    first = diagnose(SETTING.part(slice(2)), LEVELS[:2], on_progress=lambda *numbers: told.append(numbers))
    for name in ("noisy_test_loss", "gradient_norm"):
        np.testing.assert_allclose(getattr(first, name), getattr(diagnosed, name)[:2], rtol=1e-4)
    np.testing.assert_allclose(
        first.perturbed_noisy_test_loss, diagnosed.perturbed_noisy_test_loss[:, :2], rtol=1e-4
    )
    assert told == [(done, 16) for done in range(2, 17, 2)]


def test_levels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 8\): got shape \(8, 3\)"):
        diagnose(SETTING, LEVELS.T)


def test_perturbation_curves_go_through_the_unperturbed_network(diagnosed):
    middle = np.flatnonzero(diagnosed.alphas == 0)
    assert len(middle) == 1 and diagnosed.alphas[[0, -1]].tolist() == [-1, 1]
    end = diagnosed.networks.index("end")
    for name in ("train_loss", "noisy_test_loss"):
        at_0 = getattr(diagnosed, f"perturbed_{name}")[end, :, middle[0]]
        np.testing.assert_array_equal(at_0, getattr(diagnosed, name)[:, -1])


def test_the_level_is_reached_in_the_first_epoch_whose_training_loss_is_below_it():
    # no training loss is below -1, every one is below 50
    levels = np.full((3, 8), -1.0)
    levels[0, [2, 5]] = 50
    levels[1, 0] = 50
    diagnosis = diagnose(SETTING, levels)
    assert diagnosis.reached.tolist() == [3, 1, -1]
    below, end = (diagnosis.networks.index(name) for name in ("below level", "end"))
    for name in ("train_loss", "noisy_test_loss"):
        curves, losses = getattr(diagnosis, f"perturbed_{name}"), getattr(diagnosis, name)
        at_0 = curves[below, :, diagnosis.alphas == 0][0]
        np.testing.assert_array_equal(at_0[:2], losses[[0, 1], [2, 0]])
        assert np.isnan(curves[below, 2]).all()
        assert np.isfinite(curves[below, :2]).all() and np.isfinite(curves[end]).all()


def test_it_is_the_loss_before_each_update_that_has_to_be_below_the_level():
    full_batch = TASK.model_copy(update={"batch_size": None})
    setting = Setting(full_batch, SETTING.data_seeds[:1], SETTING.network_seeds[:1])
    trainer = trainer_of(setting)
    first, second = (trainer.run_epoch(0.0).train_loss[0] for _ in range(2))
    # both epochs descend, the first one to a loss below its level
    levels = np.zeros((1, 8))
    levels[0, :2] = first * (1 - 1e-4), second * (1 + 1e-4)
    diagnosis = diagnose(setting, levels)
    assert diagnosis.train_loss[0, 0] < levels[0, 0] < first
    assert diagnosis.reached.tolist() == [2]


def test_test_curves_are_over_the_first_samples_of_the_test_split(monkeypatch):
    monkeypatch.setattr(module_under_test, "MOST_TEST_SAMPLES", 20)
    diagnosis = diagnose(SETTING, LEVELS)
    trainer = trainer_of(SETTING)
    for epoch in range(8):
        trainer.run_epoch(LEVELS[:, epoch])
    for repeat in range(3):
        test = TASK.split(SETTING.data_seeds[repeat]).test
        assert len(test) > 20
        with torch.no_grad():
            logits = trainer.module(repeat).eval()(torch.from_numpy(test.x[:20]))
        loss = float(F.cross_entropy(logits, torch.from_numpy(test.y[:20])))
        assert diagnosis.noisy_test_loss[repeat, -1] == pytest.approx(loss, rel=1e-5)
        clean = np.mean(logits.argmax(1).numpy() == test.y_clean[:20])
        assert diagnosis.test_acc[repeat, -1] == pytest.approx(clean)
        end = diagnosis.networks.index("end")
        at_0 = diagnosis.perturbed_noisy_test_loss[end, repeat, diagnosis.alphas == 0]
        assert at_0[0] == pytest.approx(loss, rel=1e-5)


def test_a_long_run_is_looked_at_after_some_of_its_epochs(monkeypatch, diagnosed):
    monkeypatch.setattr(module_under_test, "POINTS", 4)
    some = diagnose(SETTING, LEVELS)
    assert some.epochs.tolist() == [1, 3, 5, 8]  # 1 + 7 * (k / 3) ** 1.5 = 1, 2.3, 4.8, 8, rounded up
    np.testing.assert_allclose(some.noisy_test_loss, diagnosed.noisy_test_loss[:, some.epochs - 1], rtol=1e-4)
    np.testing.assert_array_equal(some.reached, diagnosed.reached)


@given(st.integers(1, 3000))
def test_points_lie_densest_at_first_and_end_with_the_run(epochs):
    chosen = points(epochs)
    assert chosen[0] == 1 and chosen[-1] == epochs
    assert (np.diff(chosen) > 0).all()
    assert min(epochs, 80) <= len(chosen) <= POINTS
    assert len(chosen) == 1 or chosen[len(chosen) // 2] <= epochs / 2 + 1


def test_a_store_of_arrays_alone_can_keep_it(diagnosed, tmp_path):
    np.savez(tmp_path / "diagnosis.npz", **to_arrays(diagnosed))
    with np.load(tmp_path / "diagnosis.npz", allow_pickle=False) as arrays:
        again = from_arrays(arrays)
    assert again.networks == diagnosed.networks == ("below level", "end")
    for field in fields(Diagnosis):
        kept, original = getattr(again, field.name), getattr(diagnosed, field.name)
        np.testing.assert_array_equal(kept, original)
        assert np.asarray(kept).dtype == np.asarray(original).dtype
