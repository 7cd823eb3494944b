"""Restarts: the first is the method's own run, the others do not depend on how many there are."""

from dataclasses import fields, replace

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.errors import InputError
from rlflood.experiments import get_method
from rlflood.experiments.methods.best_of import restart_seed
from rlflood.experiments.runs.record import TEST_SCORES, Runs


@pytest.fixture(scope="module")
def best_of_three(setting):
    return get_method("best-of:3:tracking").run(setting)


def test_the_best_of_one_is_the_method_itself(setting):
    one, method = get_method("best-of:1:tracking").run(setting), get_method("tracking").run(setting)
    for name in (*(field.name for field in fields(Runs)), "epochs_spent"):
        np.testing.assert_array_equal(getattr(one, name), getattr(method, name))
    np.testing.assert_array_equal(one.search.picked_last, np.zeros(setting.repeats))


def test_every_restart_is_the_run_of_its_own_seed_on_the_repeats_data(setting, best_of_three):
    for k in range(3):
        seeds = tuple(restart_seed(seed, k) for seed in setting.network_seeds)
        run = get_method("tracking").run(replace(setting, network_seeds=seeds))
        for name in ("val_acc", "val_loss"):
            own = getattr(best_of_three.search, f"{name}_last")[:, k]
            np.testing.assert_allclose(own, getattr(run, name)[:, -1], rtol=1e-3)
        for name in TEST_SCORES:
            np.testing.assert_allclose(
                getattr(best_of_three.search, name)[:, k], getattr(run, name), atol=0.02
            )


def test_fewer_restarts_are_the_first_of_more(setting, best_of_three):
    two = get_method("best-of:2:tracking").run(setting).search
    np.testing.assert_allclose(two.val_loss_last, best_of_three.search.val_loss_last[:, :2], rtol=1e-3)
    assert two.anytime


def test_the_run_is_picked_by_validation(setting, best_of_three):
    search = best_of_three.search
    assert search.knob == "restart"
    np.testing.assert_array_equal(search.values, [[0, 1, 2]] * setting.repeats)
    for r in range(setting.repeats):
        scores = list(zip(search.val_acc_last[r], -search.val_loss_last[r], strict=True))
        chosen = max(range(3), key=scores.__getitem__)
        assert search.picked_last[r] == chosen
        assert best_of_three.test_acc_last[r] == search.test_acc_last[r, chosen]
        assert best_of_three.val_loss[r, -1] == search.val_loss_last[r, chosen]


def test_every_restart_is_paid_for(setting, best_of_three):
    method = get_method("best-of:3:tracking")
    epochs = 3 * setting.task.epochs
    assert method.epochs(setting.task) == epochs
    assert best_of_three.epochs_spent.tolist() == [epochs] * setting.repeats
    assert method.width == 3


def test_seeds_of_restarts_are_all_different_and_the_first_is_the_repeats():
    seeds = [restart_seed(seed, k) for seed in (0, 1, 2**31 - 1) for k in range(50)]
    assert seeds[::50] == [0, 1, 2**31 - 1]
    assert len(set(seeds)) == len(seeds)


def test_a_controller_can_be_run_again(setting, tmp_path):
    spec = ControlSpec("metrics", LevelSet((0.0, 0.25, 0.5)), decisions=3)
    file = tmp_path / "second.safetensors"
    Controller(spec, [(np.zeros((3, 4), np.float32), np.array([0, 1, 0], np.float32))]).save(file)
    method = get_method(f"best-of:2:{file}")
    assert method.name == f"best-of:2:{file.stem}"
    assert (method.run(setting).levels == 0.25).all()


def test_several_runs_of_early_stopping_are_picked_by_their_best_checkpoints(setting):
    record = get_method("best-of:3:early-stopping").run(setting)
    search = record.search
    assert record.deployed == "best"
    for r in range(setting.repeats):
        scores = list(zip(search.val_acc_best[r], -search.val_loss_best[r], strict=True))
        chosen = max(range(3), key=scores.__getitem__)
        assert record.test_accuracy("deployed")[r] == search.test_acc_best[r, chosen]
        assert record.val_acc[r].max() == search.val_acc_best[r, chosen]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("best-of", "write best-of:5:tracking"),
        ("best-of:5", "write best-of:5:tracking"),
        ("best-of:5:", "write best-of:5:tracking"),
        ("best-of:tracking:5", "whole number of at least 1"),
        ("best-of:0:tracking", "whole number of at least 1"),
        ("best-of:3:grid", "grid is none"),
        ("best-of:3:best-of:2:none", "best-of:2:none is none"),
        ("best-of:3:gird", "did you mean grid"),
    ],
)
def test_what_cannot_be_run_again(name, message):
    with pytest.raises(InputError, match=message):
        get_method(name)
