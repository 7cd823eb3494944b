"""Early stopping against the same run without it."""

import numpy as np

from rlflood.experiments import get_method


def test_it_ends_with_the_best_network_of_a_run_without_flooding(setting):
    none, stopped = get_method("none").run(setting), get_method("early-stopping").run(setting)
    # else the comparison below could not fail
    assert (none.test_acc_last != none.test_acc_best).any()
    np.testing.assert_array_equal(stopped.test_acc_last, none.test_acc_best)
    np.testing.assert_array_equal(stopped.noisy_test_acc_last, none.noisy_test_acc_best)
    np.testing.assert_array_equal(stopped.test_acc_best, none.test_acc_best)
    np.testing.assert_array_equal(stopped.noisy_test_acc_best, none.noisy_test_acc_best)


def test_the_whole_run_is_paid_for_and_recorded(setting):
    method = get_method("early-stopping")
    told = []
    record = method.run(setting, on_progress=lambda *now: told.append(now))
    epochs = setting.task.epochs
    assert method.epochs(setting.task) == epochs
    assert record.epochs_spent.tolist() == [epochs] * setting.repeats
    assert told[-1] == (setting.repeats * epochs,) * 2
    assert record.search is None and not record.levels.any()
    np.testing.assert_array_equal(record.val_acc, get_method("none").run(setting).val_acc)
