import numpy as np
import pytest

from rlflood.experiments import Setting, get_method
from rlflood.experiments.methods.label_wave import FirstMinimum
from rlflood.training import Task, make_population


def told(changed: list[float]) -> FirstMinimum:
    wave = FirstMinimum(1)
    for epoch, share in enumerate(changed, start=1):
        wave.update(epoch, np.array([share]))
    return wave


def test_the_first_minimum_of_the_moving_average_by_hand():
    # averages of three from epoch 4 on: 0.5, 0.4, 0.3, 0.4, then higher for ever
    wave = told([np.nan, 0.6, 0.5, 0.4, 0.3, 0.2, 0.7, *[0.9] * 9])
    assert (wave.epoch, wave.last) == (6, 16)


def test_a_later_and_lower_minimum_comes_too_late_after_ten_epochs():
    shares = [np.nan, 0.3, 0.3, 0.3, *[0.5] * 8]
    assert told([*shares, 0.1, 0.1, 0.1]).epoch == 15  # the average falls again at 14
    late = told([*shares, 0.5, 0.5, 0.1, 0.1, 0.1])
    assert (late.epoch, late.last) == (4, 14)


def test_ties_go_to_the_earlier_epoch_and_replicas_are_apart():
    wave = FirstMinimum(2)
    for epoch in range(1, 6):
        wave.update(epoch, np.array([0.2, 0.9 / epoch]) if epoch > 1 else np.full(2, np.nan))
    assert wave.epoch.tolist() == [4, 5] and wave.last.tolist() == [0, 0]


@pytest.mark.parametrize("epochs", [4, 30])
def test_the_network_of_that_epoch_is_deployed(epochs):
    task = Task(
        hidden=(32,), train_size=60, val_size=20, test_size=100, label_noise=0.3, batch_size=10,
        learning_rate=0.01, epochs=epochs,
    )  # fmt: skip
    setting = Setting(task, data_seeds=(1, 2, 3), network_seeds=(4, 5, 6))
    method, progress = get_method("label-wave"), []
    record = method.run(setting, on_progress=lambda *now: progress.append(now))
    trainer = make_population([task] * 3, setting.data_seeds, setting.network_seeds)
    changed, accuracy = [], []
    for _ in range(epochs):
        trainer.run_epoch(0.0)
        changed.append(trainer.changed)
        accuracy.append(trainer.evaluate("test").clean_accuracy)
    for r in range(3):
        wave = told([row[r] for row in changed])
        assert record.test_acc_last[r] == accuracy[wave.epoch[0] - 1][r]
        assert record.epochs_spent[r] == (wave.last[0] or epochs)
    assert record.deployed == "last" and not record.levels.any() and not method.floods
    assert progress[-1] == (3 * epochs, 3 * epochs)
    if epochs == 30:
        assert (record.epochs_spent < 30).any()
