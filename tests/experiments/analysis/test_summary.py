"""What a study comes to, against figures worked out from its records by hand."""

import copy
import dataclasses

import numpy as np
import pytest
from scipy import stats

from rlflood.errors import InputError
from rlflood.experiments.analysis.summary import summarise

TASKS = ("wine, 20 % noise", "a|b_c & d")


@pytest.fixture(scope="module")
def results(invented_results):
    return invented_results()


def scores(results, method, name="test_acc_last"):
    return np.stack([getattr(results.records[task, method], name) for task in TASKS])


@pytest.mark.parametrize(
    ("moment", "noisy", "name"),
    [
        ("last", False, "test_acc_last"),
        ("last", True, "noisy_test_acc_last"),
        ("best", False, "test_acc_best"),
        ("best", True, "noisy_test_acc_best"),
    ],
)
def test_standings_are_those_of_the_moment_and_the_labels(results, moment, noisy, name):
    summary = summarise(results, moment, noisy=noisy)
    by_name = {standing.method: standing for standing in summary.standings}
    assert set(by_name) == {"none", "grid", "tracking", "oracle"}
    means = [standing.mean.mean for standing in summary.standings]
    assert means == sorted(means, reverse=True)
    base = scores(results, "none", name)
    everything = np.stack([scores(results, method, name) for method in by_name])
    ranks = dict(zip(by_name, (5 - stats.rankdata(everything, axis=0)).mean(axis=(1, 2)), strict=True))
    for method, standing in by_name.items():
        own = scores(results, method, name)
        assert standing.mean.mean == pytest.approx(own.mean())
        assert standing.interquartile.mean == pytest.approx(stats.trim_mean(own.ravel(), 0.25))
        assert standing.rank == pytest.approx(ranks[method])
        assert standing.oracle == (method == "oracle")
        assert standing.runs == (3 if method in ("grid", "oracle") else 1)
        if method == "none":
            assert standing.difference is None and standing.improvement is None
        else:
            assert standing.difference.over_seeds.mean == pytest.approx((own - base).mean())
            assert standing.adjusted_p >= standing.difference.p_value
            chances = [
                np.mean([[(x > y) + (x == y) / 2 for y in b] for x in a])
                for a, b in zip(own, base, strict=True)
            ]
            assert standing.improvement.mean == pytest.approx(np.mean(chances))


def test_shares_of_the_gap_are_of_means_over_all_tasks(results):
    summary = summarise(results, "last")
    none, oracle = scores(results, "none").mean(), scores(results, "oracle").mean()
    assert summary.oracle == "oracle"
    gaps = {standing.method: standing.gap for standing in summary.standings}
    assert gaps["none"] is None and gaps["oracle"] is None
    for method in ("grid", "tracking"):
        share = (scores(results, method).mean() - none) / (oracle - none)
        assert gaps[method].over_seeds.mean == gaps[method].over_tasks.mean == pytest.approx(share)


def test_of_several_oracles_the_best_ends_the_gap(results):
    records = dict(results.records)
    for task in TASKS:
        record = results.records[task, "tracking"]
        records[task, "oracle"] = dataclasses.replace(
            results.records[task, "oracle"], test_acc_last=record.test_acc_last + 0.05
        )
    methods = [copy.copy(method) for method in results.methods]
    for method in methods:
        method.oracle = method.name in ("oracle", "grid")
    summary = summarise(dataclasses.replace(results, methods=methods, records=records), "last")
    means = {standing.method: standing.mean.mean for standing in summary.standings}
    assert means["oracle"] > means["grid"] and summary.oracle == "oracle"
    gaps = {standing.method: standing.gap for standing in summary.standings}
    assert gaps["grid"] is not None and gaps["oracle"] is None


def test_the_labels_are_the_studys_if_not_said(results):
    assert not summarise(results, "last").noisy
    noisy = dataclasses.replace(results, study=results.study.model_copy(update={"noisy_test": True}))
    assert summarise(noisy, "last").noisy


def test_cells_hold_one_task_each_and_what_was_picked(results):
    summary = summarise(results, "best")
    cells = {(cell.task, cell.method): cell for cell in summary.cells}
    assert set(cells) == set(results.records)
    grid = results.records[TASKS[1], "grid"]
    cell = cells[TASKS[1], "grid"]
    assert cell.accuracy.mean == pytest.approx(grid.test_acc_best.mean())
    assert cell.knob == "level"
    assert cell.picked == tuple(np.array([0, 0.25, 0.5])[grid.search.picked_best])
    assert cells[TASKS[1], "none"].difference is None and cells[TASKS[1], "none"].picked == ()
    none = results.records[TASKS[1], "none"]
    difference = (grid.test_acc_best - none.test_acc_best).mean()
    assert cell.difference.difference.mean == pytest.approx(difference)


def test_accuracy_against_budget_is_that_of_the_shorter_search(results):
    curves = {curve.method: curve for curve in summarise(results, "last").budgets}
    assert curves["tracking"].runs.tolist() == [1] and curves["oracle"].runs.tolist() == [3]
    grid = curves["grid"]  # which the fixture calls anytime
    assert grid.runs.tolist() == [1, 2, 3]
    for budget in (1, 2, 3):
        reached = []
        for task in TASKS:
            search = results.records[task, "grid"].search
            for repeat in range(4):
                accuracy = search.val_acc_last[repeat, :budget]
                loss = search.val_loss_last[repeat, :budget]
                order = sorted(
                    (c for c in range(len(accuracy)) if np.isfinite(loss[c])),
                    key=lambda c: (-accuracy[c], loss[c], c),
                )
                reached.append(search.test_acc_last[repeat, order[0]])
        assert grid.accuracy[budget - 1].mean == pytest.approx(np.mean(reached))


def test_a_budget_that_no_candidate_fits_into_has_no_accuracy(results):
    records = dict(results.records)
    for task in TASKS:
        record = records[task, "grid"]
        search = dataclasses.replace(record.search, epochs=record.search.epochs * 2)
        records[task, "grid"] = dataclasses.replace(
            record, search=search, epochs_spent=record.epochs_spent * 2
        )
    curves = {c.method: c for c in summarise(dataclasses.replace(results, records=records), "last").budgets}
    before = {c.method: c for c in summarise(results, "last").budgets}
    assert curves["grid"].runs.tolist() == [2, 3, 4, 5, 6]
    doubled = [curves["grid"].accuracy[at].mean for at in (0, 2, 4)]
    assert doubled == [before["grid"].accuracy[at].mean for at in (0, 1, 2)]


def test_profiles_fall_from_all_to_none(results):
    for profile in summarise(results, "last").profiles.values():
        assert profile.share[0] == 1 and profile.share[-1] == 0
        assert (np.diff(profile.share) <= 0).all()


def test_of_an_unfinished_study_what_is_common_is_compared(results):
    """One method has two of four repeats on one task, another has not begun on the second task."""
    records, repeats = dict(results.records), dict(results.repeats)
    short = records[TASKS[0], "tracking"]
    kept = {
        field.name: getattr(short, field.name)[1:3]
        for field in dataclasses.fields(short)
        if isinstance(getattr(short, field.name), np.ndarray)
    }
    records[TASKS[0], "tracking"] = dataclasses.replace(short, **kept)
    repeats[TASKS[0], "tracking"] = [1, 2]
    del records[TASKS[1], "oracle"], repeats[TASKS[1], "oracle"]
    partial = dataclasses.replace(results, records=records, repeats=repeats)
    assert not partial.finished and results.finished
    summary = summarise(partial, "last")
    assert summary.tasks == TASKS[:1] and summary.repeats == (1, 2)
    for standing in summary.standings:
        record = results.records[TASKS[0], standing.method]
        assert standing.mean.mean == pytest.approx(record.test_acc_last[1:3].mean())


def test_nothing_to_compare(results):
    with pytest.raises(InputError, match="nothing to compare yet"):
        summarise(dataclasses.replace(results, records={}, repeats={}), "last")
