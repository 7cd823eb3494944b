"""Optuna's searches: budgets, pruned trials, seeds, and a problem with a known best level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlflood.experiments import MethodOptions, get_method
from rlflood.experiments.runs.parts import ranked
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ConstantFlood

optuna = pytest.importorskip("optuna")
PRUNED = ("tpe-hyperband", "tpe-median")
RUNS = 12  # of the searches on the problem with a known best level


@pytest.fixture(scope="module")
def run(setting):
    made = {}

    def of(name):
        if name not in made:
            made[name] = get_method(name).run(setting)
        return made[name]

    return of


@pytest.fixture(scope="module")
def found(known_best):
    """Searches on the problem with a known best level, each made once."""
    options, made = MethodOptions(highest_level=known_best.highest, runs=RUNS), {}

    def of(name):
        if name not in made:
            made[name] = get_method(name, options).run(known_best.setting)
        return made[name]

    return of


def test_tpe_spends_its_budget_on_whole_runs(setting, run):
    record = run("tpe:8")
    assert record.search.values.shape == (setting.repeats, 8)
    assert (record.search.epochs == setting.task.epochs).all()
    assert record.search.anytime and record.method == "tpe:8"
    assert (record.search.values >= 0).all() and (record.search.values <= 0.5).all()


def test_its_trials_are_those_of_a_study_that_is_told_the_results(setting, run):
    search = run("tpe:8").search
    for r, seed in enumerate(_seeds(setting)):
        # runs // 3 trials at random before the estimator takes over
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=2)
        )
        for c in range(8):
            trial = study.ask()
            assert trial.suggest_float("level", 0.0, 0.5) == search.values[r, c]
            # the order is all that counts
            earlier = list(zip(search.val_acc_last[r], -search.val_loss_last[r], strict=True))
            study.tell(trial, sum(other < earlier[c] for other in earlier))


def _seeds(setting):
    from rlflood.experiments.methods.random_search import search_seeds

    return search_seeds(setting)


@pytest.mark.parametrize("name", PRUNED)
def test_pruned_trials_pay_for_further_ones_within_the_budget(known_best, found, name):
    setting, epochs = known_best.setting, known_best.task.epochs
    record = found(name)
    search, budget = record.search, RUNS * epochs
    assert (record.epochs_spent <= budget).all() and (record.epochs_spent > budget - epochs).all()
    assert search.values.shape[1] > RUNS
    pruned = (search.epochs > 0) & (search.epochs < epochs)
    assert pruned.any()
    assert np.isnan(search.test_acc_last[pruned]).all() and np.isnan(search.val_acc_best[pruned]).all()
    whole = search.epochs == epochs
    assert np.isfinite(search.test_acc_last[whole]).all()
    assert whole[np.arange(setting.repeats), search.picked_last].all()
    np.testing.assert_array_equal(np.isnan(search.values), search.epochs == 0)
    np.testing.assert_array_equal(record.epochs_spent, search.epochs.sum(axis=1))


@pytest.mark.parametrize("name", ["tpe:8", "tpe-hyperband:8", "tpe-median:8"])
def test_a_repeat_is_the_same_alone_and_picks_a_plain_run(setting, run, name):
    record = run(name)
    alone = get_method(name).run(setting.part(slice(1, 2)))
    values = alone.search.values[0]
    np.testing.assert_array_equal(values, record.search.values[1, : len(values)])
    constant = run_schedule(
        setting, lambda numbers: ConstantFlood(record.search.picked_value("last")[numbers])
    )
    np.testing.assert_allclose(constant.val_loss, record.val_loss, rtol=1e-3)
    np.testing.assert_array_equal(constant.levels, record.levels)


def test_where_everything_is_pruned_the_last_that_fits_is_not(setting, monkeypatch):
    monkeypatch.setattr(optuna.pruners.MedianPruner, "prune", lambda self, study, trial: True)
    record = get_method("tpe-median:3").run(setting)
    epochs, search = setting.task.epochs, record.search
    # of 36 epochs, trials of one epoch each leave 12 for a whole one
    assert (search.epochs[:, :-1] == 1).all() and (search.epochs[:, -1] == epochs).all()
    assert search.values.shape[1] == 2 * epochs + 1
    assert (record.epochs_spent == 3 * epochs).all()
    assert (search.picked_last == 2 * epochs).all() and np.isfinite(record.test_acc_last).all()


def test_runs_that_diverge_are_lived_with(setting):
    task = setting.task.model_copy(update={"optimizer": "sgd", "learning_rate": 1e30, "epochs": 5})
    diverging = type(setting)(task, setting.data_seeds, setting.network_seeds)
    for name in ("tpe:3", "tpe-median:3", "tpe-hyperband:3"):
        record = get_method(name).run(diverging)
        assert record.levels.shape == (setting.repeats, 5)
        assert np.isnan(record.search.val_acc_last).all()


def test_a_run_of_one_epoch_is_too_short_to_prune(setting):
    task = setting.task.model_copy(update={"epochs": 1})
    short = type(setting)(task, setting.data_seeds, setting.network_seeds)
    for name in ("tpe-median:3", "tpe-hyperband:3"):
        assert (get_method(name).run(short).search.epochs == 1).all()


@given(
    st.tuples(st.integers(0, 50), st.floats(0, 50)),
    st.tuples(st.integers(0, 50), st.floats(0, 50)),
)
def test_the_objective_orders_by_accuracy_then_by_loss(first, second):
    one, other = (ranked(hits / 50, loss, 50) for hits, loss in (first, second))
    if first[0] != second[0]:
        assert (one > other) == (first[0] > second[0])
    elif abs(first[1] - second[1]) > 1e-6:
        assert (one > other) == (first[1] < second[1])


def test_progress_rises_to_the_whole_budget(setting):
    told = []
    get_method("tpe-hyperband:4").run(setting, on_progress=lambda *now: told.append(now))
    total = setting.repeats * 4 * setting.task.epochs
    assert told == sorted(told) and told[-1] == (total, total)
    assert {now[1] for now in told} == {total}


def test_optunas_verbosity_is_put_back_and_it_says_nothing(setting, capfd):
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        get_method("tpe:2").run(setting)
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
        assert "study" not in capfd.readouterr().err
    finally:
        optuna.logging.set_verbosity(before)


@pytest.mark.parametrize("name", ["tpe", *PRUNED])
def test_it_picks_a_level_near_the_best(known_best, found, name):
    picked = found(name).search.picked_value("last")
    assert (np.abs(picked - known_best.best) <= known_best.spacing).all()
