"""Picking a run by validation."""

import numpy as np
import pytest

from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.selection import incumbents, picked_record


def runs(accuracy, loss, **tests):
    """Runs of shape (runs, epochs), the other metrics made up; test accuracies count the runs."""
    accuracy, loss = np.asarray(accuracy, float), np.asarray(loss, float)
    count = np.arange(len(accuracy)) / 100
    names = ("test_acc_last", "test_acc_best", "noisy_test_acc_last", "noisy_test_acc_best")
    values = {name: np.asarray(tests.get(name, count + number), float) for number, name in enumerate(names)}
    levels = np.broadcast_to(count[:, None], accuracy.shape)
    return Runs(levels, loss + 1, accuracy / 2, loss, accuracy, **values)


def test_picks_by_final_and_by_best_accuracy_and_ties_by_loss():
    # candidate 1 ends best, candidate 0 was best in between, candidate 2 ties at worse losses
    accuracy = [[0.5, 0.9, 0.6], [0.5, 0.6, 0.8], [0.5, 0.9, 0.8]]
    loss = [[1.0, 0.4, 0.9], [1.0, 0.9, 0.5], [1.0, 0.5, 0.6]]
    record = picked_record("m", runs(accuracy, loss), np.array([[0.0, 0.1, 0.2]]))
    assert (record.search.final.item(), record.search.best.item()) == (1, 0)
    assert record.search.picked.tolist() == [0.1]
    # the curves are those of the run picked at the end, the best checkpoint may be another's
    assert record.val_acc.tolist() == [accuracy[1]] and record.train_loss.tolist() == [[2.0, 1.9, 1.5]]
    assert record.test_acc_last.tolist() == [0.01] and record.test_acc_best.tolist() == [1.0]
    assert record.noisy_test_acc_last.tolist() == [2.01] and record.noisy_test_acc_best.tolist() == [3.0]
    assert record.search.val_acc_best.tolist() == [[0.9, 0.8, 0.9]]
    assert record.search.val_loss_best.tolist() == [[0.4, 0.5, 0.5]]


def test_the_repeats_are_picked_from_apart():
    accuracy = [[0.1], [0.9], [0.8], [0.2]]  # two repeats of two candidates
    record = picked_record("m", runs(accuracy, np.ones((4, 1))), np.array([[0.0, 0.5], [0.1, 0.6]]))
    assert record.search.final.tolist() == [1, 0]
    assert record.search.picked.tolist() == [0.5, 0.1]
    assert record.test_acc_last.tolist() == [0.01, 0.02]


def test_the_earlier_candidate_where_all_is_equal_and_never_a_run_that_diverged():
    values, loss = np.array([[0.0, 0.1, 0.2]]), np.full((3, 2), 0.7)
    equal = picked_record("m", runs(np.full((3, 2), 0.5), loss), values).search
    assert (equal.final.item(), equal.best.item()) == (0, 0)
    accuracy = np.full((3, 2), 0.5)
    accuracy[0], loss[0, 1] = 0.99, np.nan
    diverged = picked_record("m", runs(accuracy, loss), values).search
    assert (diverged.final.item(), diverged.best.item()) == (1, 1)
    assert np.isnan(diverged.test_acc_last[0, 0]) and np.isnan(diverged.val_acc_best[0, 0])
    everything = picked_record("m", runs(accuracy, np.full((3, 2), np.nan)), values)
    assert everything.search.final.item() == 0  # something has to be picked
    assert everything.test_acc_last.tolist() == [0.0]


def test_an_oracle_picks_by_the_test_split():
    accuracy = [[0.9], [0.5], [0.7]]
    tests = {"test_acc_last": [0.1, 0.2, 0.3], "test_acc_best": [0.3, 0.4, 0.2]}
    search = picked_record(
        "m", runs(accuracy, np.ones((3, 1)), **tests), np.array([[0.0, 0.1, 0.2]]), by_test=True
    ).search
    assert (search.final.item(), search.best.item()) == (2, 1)


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
    held = incumbents(whole, "final")
    for candidates in range(1, 16):
        chosen = [r * 15 + c for r in range(2) for c in range(candidates)]
        part = picked_record("m", runs(accuracy[chosen], loss[chosen]), np.zeros((2, candidates))).search
        assert held[:, candidates - 1].tolist() == part.final.tolist()


@pytest.mark.parametrize("moment", ["final", "best"])
def test_the_last_incumbent_is_the_pick(records, moment):
    search = records[1].search
    np.testing.assert_array_equal(incumbents(search, moment)[:, -1], getattr(search, moment))
