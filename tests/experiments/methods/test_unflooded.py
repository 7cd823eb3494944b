"""What is taken from runs without flooding: the same runs, other networks."""

import dataclasses

import numpy as np
import pytest

from rlflood.experiments import compare, get_method, get_methods
from rlflood.experiments.methods import ControllerMethod, Method
from rlflood.experiments.runs.record import Runs, score_field
from rlflood.training import PopulationTrainer

DEPLOYED = {"none": "last", "early-stopping": "best", "ema": "average", "ema-early-stopping": "best-average"}


@pytest.fixture(scope="module")
def setting(setting):
    """In mini-batches: an average over a share of a few steps is no average."""
    return dataclasses.replace(setting, task=setting.task.model_copy(update={"batch_size": 5}))


@pytest.fixture(scope="module")
def none(setting):
    return get_method("none").run(setting)


@pytest.mark.parametrize(("name", "moment"), DEPLOYED.items())
def test_each_deploys_another_network_of_the_same_run(setting, none, name, moment):
    method = get_method(name)
    record = method.run(setting)
    assert method.deployed == record.deployed == moment
    for field in dataclasses.fields(Runs):
        np.testing.assert_array_equal(getattr(record, field.name), getattr(none, field.name))
    for noisy in (False, True):
        own = getattr(none, score_field(moment, noisy=noisy))
        np.testing.assert_array_equal(record.test_accuracy("deployed", noisy=noisy), own)
    assert record.search is None and not record.levels.any()


def test_the_four_networks_differ(none):
    """Else the comparisons above could not fail."""
    tests = [none.test_accuracy(moment) for moment in DEPLOYED.values()]
    assert all((a != b).any() for number, a in enumerate(tests) for b in tests[:number])


def test_those_that_are_made_together_are_trained_once(setting, none, monkeypatch):
    trained = []
    run_epoch = PopulationTrainer.run_epoch

    def counted(self, *args):
        trained.append(self.replicas)
        return run_epoch(self, *args)

    monkeypatch.setattr(PopulationTrainer, "run_epoch", counted)
    records = list(compare(setting, get_methods(DEPLOYED)))
    assert trained == [setting.repeats] * setting.task.epochs
    assert [record.method for record in records] == list(DEPLOYED)
    np.testing.assert_array_equal(records[3].test_acc_best_average, none.test_acc_best_average)


def test_the_whole_run_is_paid_for_and_told_of(setting):
    method = get_method("early-stopping")
    told = []
    record = method.run(setting, on_progress=lambda *now: told.append(now))
    epochs = setting.task.epochs
    assert method.epochs(setting.task) == epochs
    assert record.epochs_spent.tolist() == [epochs] * setting.repeats
    assert told[-1] == (setting.repeats * epochs,) * 2


def test_all_other_methods_deploy_the_last_network(controller_file):
    names = ("grid", "oracle", "tpe", "random", "pbt", "tracking", "constant:0.1", "adaflood", "dropout")
    assert Method.deployed == ControllerMethod(controller_file).deployed == "last"
    assert {get_method(name).deployed for name in names} == {"last"}
