"""Grids over a field of the task: each column is that task's run, whatever else is tried."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments import MethodOptions, Setting, get_method
from rlflood.experiments.methods.regularisers import TaskGrid, weight_decays
from rlflood.training import make_population

OPTIONS = MethodOptions(runs=3)
NAMES = ("weight-decay", "dropout")
every_regulariser = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def records(setting):
    return {name: get_method(name, OPTIONS).run(setting) for name in NAMES}


@every_regulariser
def test_each_value_is_the_run_of_a_task_with_that_value(setting, records, name):
    record = records[name]
    values = get_method(name, OPTIONS).values
    np.testing.assert_array_equal(record.search.values, [values] * setting.repeats)
    losses = []
    for k, value in enumerate(values):
        task = setting.task.model_copy(update={name.replace("-", "_"): value})
        trainer = make_population(
            [task] * setting.repeats, setting.data_seeds, setting.network_seeds, keep_best=True
        )
        for _ in range(task.epochs):
            metrics = trainer.run_epoch(0.0)
        losses.append(metrics.val_loss)
        search = record.search
        np.testing.assert_allclose(search.val_loss_last[:, k], metrics.val_loss, rtol=1e-5)
        last, best = trainer.evaluate("test"), trainer.evaluate("test", "best")
        np.testing.assert_allclose(search.test_acc_last[:, k], last.clean_accuracy, atol=0.02)
        np.testing.assert_allclose(search.noisy_test_acc_best[:, k], best.accuracy, atol=0.02)
    # the values differ by more than the tolerance, so that no column can stand in for another
    assert (np.abs(np.diff(losses, axis=0)) > 1e-4).all()


@every_regulariser
def test_nothing_is_flooded_and_every_run_is_paid_for(setting, records, name):
    method, record = get_method(name, OPTIONS), records[name]
    assert not method.floods
    assert not record.levels.any()
    assert record.levels.shape == (setting.repeats, setting.task.epochs)
    assert method.epochs(setting.task) == 3 * setting.task.epochs
    assert record.epochs_spent.tolist() == [3 * setting.task.epochs] * setting.repeats


@every_regulariser
def test_the_run_is_picked_by_validation(setting, records, name):
    record, search = records[name], records[name].search
    assert search.knob == name.replace("-", " ")
    assert not search.anytime
    for r in range(setting.repeats):
        scores = list(zip(search.val_acc_last[r], -search.val_loss_last[r], strict=True))
        chosen = max(range(3), key=scores.__getitem__)
        assert search.picked_last[r] == chosen
        assert record.test_acc_last[r] == search.test_acc_last[r, chosen]
        assert record.val_acc[r, -1] == search.val_acc_last[r, chosen]


def test_0_turns_the_tasks_own_regulariser_off(setting):
    regularised = setting.task.model_copy(update={"weight_decay": 0.5, "epochs": 3})
    plain = setting.task.model_copy(update={"epochs": 3})
    seeds = setting.data_seeds, setting.network_seeds
    record = TaskGrid("weight-decay", np.array([0.0])).run(Setting(regularised, *seeds))
    np.testing.assert_array_equal(record.val_loss, get_method("none").run(Setting(plain, *seeds)).val_loss)


def test_progress_counts_the_epochs_of_all_stacks(setting):
    told = []
    get_method("dropout", OPTIONS).run(setting, on_progress=lambda *now: told.append(now))
    total = 3 * setting.repeats * setting.task.epochs
    assert [now for now, _ in told] == list(range(setting.repeats, total + 1, setting.repeats))
    assert {of for _, of in told} == {total}


def test_shares_go_up_to_a_half():
    np.testing.assert_allclose(get_method("dropout").values, np.arange(11) * 0.05)


@given(count=st.integers(2, 60))
def test_weight_decays_are_0_and_even_steps_on_a_logarithmic_scale(count):
    zero, *others = weight_decays(count)
    assert zero == 0 and len(others) == count - 1
    logs = np.log10(others)
    np.testing.assert_allclose(np.diff(logs), 5 / (count - 1))
    # as far from 1e-5 below as from 1 above
    assert logs[0] + 5 == pytest.approx(-logs[-1])
