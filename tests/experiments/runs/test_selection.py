"""Picking a run by validation."""

import numpy as np
import pytest

from rlflood.experiments.runs.record import TEST_SCORES, Runs
from rlflood.experiments.runs.selection import incumbents, picked_record
from rlflood.training.trainer import MOMENTS


def runs(accuracy, loss, *, average=None, **tests):
    """Runs of shape (runs, epochs), the other metrics made up; test accuracies count the runs.

    The average has the validation of the network itself, or the accuracy and loss given.
    """
    accuracy, loss = np.asarray(accuracy, float), np.asarray(loss, float)
    average_acc, average_loss = (accuracy, loss) if average is None else map(np.asarray, average)
    count = np.arange(len(accuracy)) / 100
    values = {
        name: np.asarray(tests.get(name, count + number), float) for number, name in enumerate(TEST_SCORES)
    }
    levels = np.broadcast_to(count[:, None], accuracy.shape)
    return Runs(levels, loss + 1, accuracy / 2, loss, accuracy, average_loss, average_acc, **values)


def test_each_network_is_picked_by_its_own_validation_and_ties_by_its_own_loss():
    # candidate 1 ends best, candidate 0 was best in between, candidate 2 ties at worse losses
    accuracy = [[0.5, 0.9, 0.6], [0.5, 0.6, 0.8], [0.5, 0.9, 0.8]]
    loss = [[1.0, 0.4, 0.9], [1.0, 0.9, 0.5], [1.0, 0.5, 0.6]]
    # the average of candidate 2 ends best, that of candidate 1 was best in between, at a loss below 0's
    average = [[0.5, 0.9, 0.6], [0.9, 0.6, 0.5], [0.5, 0.6, 0.7]], [[1, 0.6, 1], [0.5, 1, 1], [1.0, 1, 1]]
    made, values = runs(accuracy, loss, average=average), np.array([[0.0, 0.1, 0.2]])
    record = picked_record("m", made, values)
    assert [record.search.picked(moment).item() for moment in MOMENTS] == [1, 0, 2, 1]
    assert record.search.picked_value("last").tolist() == [0.1]
    assert record.search.picked_value("average").tolist() == [0.2]
    assert record.search.val_acc_average.tolist() == [[0.6, 0.5, 0.7]]
    assert record.search.val_loss_best_average.tolist() == [[0.6, 0.5, 1.0]]
    # the curves are those of the run picked at the end, the best checkpoint may be another's
    assert record.val_acc.tolist() == [accuracy[1]] and record.train_loss.tolist() == [[2.0, 1.9, 1.5]]
    assert record.test_acc_last.tolist() == [0.01] and record.test_acc_best.tolist() == [1.0]
    assert record.test_acc_average.tolist() == [2.02] and record.test_acc_best_average.tolist() == [3.01]
    assert record.noisy_test_acc_last.tolist() == [4.01] and record.noisy_test_acc_best.tolist() == [5.0]
    # what is deployed decides whose curves are shown
    deployed = picked_record("m", made, values, deployed="average")
    assert deployed.deployed == "average" and deployed.val_acc.tolist() == [accuracy[2]]
    assert deployed.test_accuracy("deployed").tolist() == record.test_acc_average.tolist()
    assert record.search.val_acc_best.tolist() == [[0.9, 0.8, 0.9]]
    assert record.search.val_loss_best.tolist() == [[0.4, 0.5, 0.5]]


def test_the_repeats_are_picked_from_apart():
    accuracy = [[0.1], [0.9], [0.8], [0.2]]  # two repeats of two candidates
    record = picked_record("m", runs(accuracy, np.ones((4, 1))), np.array([[0.0, 0.5], [0.1, 0.6]]))
    assert record.search.picked_last.tolist() == [1, 0]
    assert record.search.picked_value("last").tolist() == [0.5, 0.1]
    assert record.test_acc_last.tolist() == [0.01, 0.02]


def test_the_earlier_candidate_where_all_is_equal_and_never_a_run_that_diverged():
    values, loss = np.array([[0.0, 0.1, 0.2]]), np.full((3, 2), 0.7)
    equal = picked_record("m", runs(np.full((3, 2), 0.5), loss), values).search
    assert (equal.picked_last.item(), equal.picked_best.item()) == (0, 0)
    accuracy = np.full((3, 2), 0.5)
    accuracy[0], loss[0, 1] = 0.99, np.nan
    diverged = picked_record("m", runs(accuracy, loss), values).search
    assert (diverged.picked_last.item(), diverged.picked_best.item()) == (1, 1)
    assert np.isnan(diverged.test_acc_last[0, 0]) and np.isnan(diverged.val_acc_best[0, 0])
    everything = picked_record("m", runs(accuracy, np.full((3, 2), np.nan)), values)
    assert everything.search.picked_last.item() == 0  # something has to be picked
    assert everything.test_acc_last.tolist() == [0.0]


def test_an_oracle_picks_by_the_test_split():
    accuracy = [[0.9], [0.5], [0.7]]
    tests = {
        "test_acc_last": [0.1, 0.2, 0.3],
        "test_acc_best": [0.3, 0.4, 0.2],
        "test_acc_average": [0.5, 0.4, 0.2],
    }
    search = picked_record(
        "m", runs(accuracy, np.ones((3, 1)), **tests), np.array([[0.0, 0.1, 0.2]]), by_test=True
    ).search
    assert [search.picked(moment).item() for moment in MOMENTS] == [2, 1, 0, 2]


def test_the_budget_is_that_of_all_candidates():
    curves = np.ones((4, 6))
    assert picked_record("m", runs(curves, curves), np.zeros((2, 2))).epochs_spent.tolist() == [12, 12]
    spent = np.array([[6.0, 2.0], [6.0, 6.0]])
    record = picked_record("m", runs(curves, curves), np.zeros((2, 2)), epochs=spent)
    assert record.epochs_spent.tolist() == [8, 12]


def test_incumbents_are_the_picks_of_every_shorter_search():
    rng = np.random.default_rng(0)
    accuracy = rng.integers(0, 4, (30, 1)) / 4
    loss = rng.integers(0, 3, (30, 1)) / 3 + 0.1
    loss[rng.random(30) < 0.2] = np.nan
    whole = picked_record("m", runs(accuracy, loss), np.arange(30.0).reshape(2, 15), anytime=True).search
    held = incumbents(whole, "last")
    for candidates in range(1, 16):
        chosen = [r * 15 + c for r in range(2) for c in range(candidates)]
        part = picked_record("m", runs(accuracy[chosen], loss[chosen]), np.zeros((2, candidates))).search
        assert held[:, candidates - 1].tolist() == part.picked_last.tolist()


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_last_incumbent_is_the_pick(records, moment):
    search = records[1].search
    np.testing.assert_array_equal(incumbents(search, moment)[:, -1], search.picked(moment))
