"""Population based training: selection, lineages trained alone, and a problem with a known best level."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments import MethodOptions, get_method
from rlflood.experiments.methods.grid import GridSearch
from rlflood.experiments.methods.population_based import explored, quarters
from rlflood.experiments.runs import stacks
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ReplayFlood

POPULATION = 6


@pytest.fixture(scope="module")
def record(setting):
    return get_method(f"pbt:{POPULATION}").run(setting)


def test_quarters_go_by_accuracy_then_by_loss_and_what_diverged_is_worst():
    accuracy = np.array([0.9, 0.5, 0.7, 0.99, 0.9, 0.5, 0.6, 0.8])
    loss = np.array([0.3, 0.6, 0.4, np.nan, 0.2, 0.7, 0.5, 0.4])
    worst, best = quarters(accuracy, loss)
    assert best.tolist() == [4, 0]
    assert worst.tolist() == [5, 3]


@pytest.mark.parametrize(("members", "count"), [(2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (11, 2), (24, 6)])
def test_a_quarter_is_one_member_at_least_and_quarters_do_not_meet(members, count):
    worst, best = quarters(np.arange(members) / members, np.ones(members))
    assert len(worst) == len(best) == count
    assert not set(worst) & set(best)
    assert max(worst) < min(best)


def test_exploring_perturbs_or_draws_anew():
    new = explored(np.full(20_000, 0.1), 0.5, np.random.default_rng(0))
    down, up = np.isclose(new, 0.08), np.isclose(new, 0.12)
    # the standard error of each share is below 0.0035
    assert down.mean() == pytest.approx(0.375, abs=0.02)
    assert up.mean() == pytest.approx(0.375, abs=0.02)
    others = new[~down & ~up]
    assert others.mean() == pytest.approx(0.25, abs=0.02)
    assert others.min() < 0.02 and others.max() > 0.48


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=20), st.integers(0, 2**32))
def test_explored_levels_stay_in_the_range(levels, seed):
    new = explored(np.array(levels), 0.5, np.random.default_rng(seed))
    assert (new >= 0).all() and (new <= 0.5).all()


def test_the_levels_of_the_lineage_trained_alone_give_the_same_run(setting, record):
    alone = run_schedule(setting, lambda numbers: ReplayFlood(record.levels.T))
    for name in (field.name for field in fields(Runs)):
        if name not in ("test_acc_best", "noisy_test_acc_best"):  # may be of another member
            accuracies = "acc" in name
            np.testing.assert_allclose(
                getattr(alone, name),
                getattr(record, name),
                rtol=0 if accuracies else 1e-3,
                atol=0.026 if accuracies else 1e-6,
                err_msg=name,
            )


def test_every_lineage_is_a_run_of_its_repeat(setting, monkeypatch):
    """The picked run is one of a stack: look at all of them, best checkpoints too."""
    seen = []

    def keep(name, runs, values, **others):
        seen.append((runs, values))
        return picked(name, runs, values, **others)

    module = "rlflood.experiments.methods.population_based.picked_record"
    from rlflood.experiments.runs.selection import picked_record as picked

    monkeypatch.setattr(module, keep)
    get_method(f"pbt:{POPULATION}").run(setting)
    ((runs, values),) = seen
    alone = run_schedule(
        setting, lambda numbers: ReplayFlood(runs.levels[numbers].T), runs_per_repeat=POPULATION
    )
    np.testing.assert_allclose(alone.val_loss, runs.val_loss, rtol=1e-3)
    np.testing.assert_allclose(alone.test_acc_best, runs.test_acc_best, atol=0.03)
    np.testing.assert_array_equal(runs.levels[:, -1], values.ravel())
    assert any(len(np.unique(levels)) > 1 for levels in runs.levels)


def test_it_begins_at_the_levels_of_random_search_and_changes_them(setting, record):
    start = get_method(f"random:{POPULATION}").run(setting).search.values
    for first, levels in zip(start, record.levels, strict=True):
        assert levels[0] in first
    assert not np.isin(record.search.values, start).all()
    np.testing.assert_array_equal(record.epochs_spent, POPULATION * setting.task.epochs)


def test_parts_threads_and_neighbours_change_nothing(setting, record, monkeypatch):
    monkeypatch.setattr(stacks, "MOST_REPLICAS", POPULATION)
    told = []
    parts = get_method(f"pbt:{POPULATION}").run(setting, on_progress=lambda *now: told.append(now))
    np.testing.assert_allclose(parts.search.values, record.search.values)
    np.testing.assert_allclose(parts.val_loss, record.val_loss, rtol=1e-3)
    total = setting.repeats * POPULATION * setting.task.epochs
    assert told[-1] == (total, total) and told == sorted(told)
    alone = get_method(f"pbt:{POPULATION}").run(setting.part(slice(2, 3)))
    np.testing.assert_allclose(alone.search.values[0], record.search.values[2])


def test_its_last_level_is_near_the_best_where_the_present_level_decides(known_best):
    # Without momentum a network's accuracy follows its level at once. With it, a level raised in the last
    # epochs gains more than the best constant: see the next test.
    task = known_best.task.model_copy(update={"momentum": 0.0, "learning_rate": 0.1, "epochs": 100})
    setting = known_best.setting.part(slice(0, 2))
    setting = type(setting)(task, setting.data_seeds, setting.network_seeds)
    constant = (
        GridSearch("dense", np.linspace(0.0, known_best.highest, 26)).run(setting).search.picked_value("last")
    )
    options = MethodOptions(highest_level=known_best.highest)
    last = get_method("pbt:24", options).run(setting).search.picked_value("last")
    assert (np.abs(last - constant) <= known_best.spacing).all()


def test_its_schedule_is_no_worse_than_the_best_constant(known_best):
    method = get_method("pbt:16", MethodOptions(highest_level=known_best.highest))
    accuracy = method.run(known_best.setting).val_acc[:, -1]
    # of 3000 validation samples
    assert (accuracy > known_best.val_acc.max(axis=1) - 0.004).all()
