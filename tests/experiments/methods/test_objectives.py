"""Each objective's grid against populations trained by hand, one value at a time."""

import numpy as np
import pytest

from rlflood.experiments import MethodOptions, get_method
from rlflood.experiments.methods.objectives import epsilons
from rlflood.training import (
    IndividualFlooding,
    RelaxLoss,
    SoftAscentDescent,
    WaveBound,
    make_population,
)

OPTIONS = MethodOptions(runs=4, highest_level=0.6)
OBJECTIVES = {
    "iflood": ("level", IndividualFlooding),
    "softad": ("threshold", lambda: SoftAscentDescent(sigma=1.0)),
    "relaxloss": ("alpha", RelaxLoss),
    "wavebound": ("epsilon", WaveBound),
}
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


@pytest.fixture(scope="module")
def records(setting):
    return {name: get_method(name, OPTIONS).run(setting) for name in OBJECTIVES}


@every_objective
def test_each_value_is_a_population_trained_by_hand(setting, records, name):
    record, search = records[name], records[name].search
    _, objective = OBJECTIVES[name]
    for k, value in enumerate(get_method(name, OPTIONS).values):
        trainer = make_population(
            [setting.task] * setting.repeats,
            setting.data_seeds,
            setting.network_seeds,
            keep_best=True,
            objective=lambda replicas: objective(),
        )
        levels = []
        for _ in range(setting.task.epochs):
            metrics = trainer.run_epoch(value)
            levels.append(trainer.levels)
        np.testing.assert_array_equal(search.values[:, k], [value] * setting.repeats)
        np.testing.assert_allclose(search.val_loss_last[:, k], metrics.val_loss, rtol=1e-3)
        last, best = trainer.evaluate("test"), trainer.evaluate("test", "best")
        np.testing.assert_allclose(search.test_acc_last[:, k], last.clean_accuracy, atol=0.02)
        np.testing.assert_allclose(search.noisy_test_acc_best[:, k], best.accuracy, atol=0.02)
        picked = search.picked_last == k
        np.testing.assert_allclose(record.levels[picked], np.stack(levels, axis=1)[picked], rtol=1e-3)


@every_objective
def test_every_value_is_paid_for(setting, records, name):
    method, record = get_method(name, OPTIONS), records[name]
    assert not method.floods and method.width == 4
    assert record.levels.shape == record.val_acc.shape == (setting.repeats, setting.task.epochs)
    assert method.epochs(setting.task) == 4 * setting.task.epochs
    assert record.epochs_spent.tolist() == [4 * setting.task.epochs] * setting.repeats


@every_objective
def test_the_run_is_picked_by_validation(setting, records, name):
    record, search = records[name], records[name].search
    assert search.knob == OBJECTIVES[name][0]
    assert not search.anytime
    for r in range(setting.repeats):
        scores = list(zip(search.val_acc_last[r], -search.val_loss_last[r], strict=True))
        chosen = max(range(4), key=scores.__getitem__)
        assert search.picked_last[r] == chosen
        assert record.test_acc_last[r] == search.test_acc_last[r, chosen]
        assert record.val_loss[r, -1] == search.val_loss_last[r, chosen]


def test_levels_are_those_of_the_grid_search():
    for name in ("iflood", "softad", "relaxloss"):
        assert get_method(name, OPTIONS).values.tolist() == [0.0, 0.2, 0.4, 0.6]


@pytest.mark.parametrize("count", range(2, 60))
def test_epsilons_rise_by_one_ratio_and_hold_the_papers(count):
    values = epsilons(count)
    assert len(values) == count
    assert values[0] == 0.001 and 0.01 in values
    np.testing.assert_allclose(values[1:] / values[:-1], values[1] / values[0], rtol=1e-5)


def test_eleven_epsilons_have_three_to_a_decade():
    assert epsilons(11)[::3].tolist() == [0.001, 0.01, 0.1, 1.0]
