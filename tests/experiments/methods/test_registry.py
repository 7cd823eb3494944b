"""Methods: their names, what they run, and what a search picks."""

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments import METHODS, MethodOptions, compare, get_method, get_methods
from rlflood.experiments.methods import GridSearch, register
from rlflood.experiments.methods.registry import MethodKind
from rlflood.schedulers import PolicyScheduler


def by_name(records):
    return {record.method: record for record in records}


def test_a_constant_of_the_grid_is_the_grids_run_of_that_level(records):
    constant, search = by_name(records)["constant:0.3"], by_name(records)["grid"].search
    column = np.flatnonzero(search.values[0] == 0.3).item()
    np.testing.assert_allclose(search.val_acc_last[:, column], constant.val_acc[:, -1], atol=0.03)
    np.testing.assert_allclose(search.test_acc_last[:, column], constant.test_acc_last, atol=0.03)


def test_the_grids_record_is_that_of_the_run_it_picked(records, setting):
    record = by_name(records)["grid"]
    search, repeats = record.search, range(setting.repeats)
    assert record.epochs_spent.tolist() == [11 * setting.task.epochs] * setting.repeats
    np.testing.assert_allclose(search.values, np.tile(np.arange(11) * 0.05, (setting.repeats, 1)))
    np.testing.assert_array_equal(record.levels[:, -1], search.picked_value("last"))
    picked = [search.val_acc_last[r, search.picked_last[r]] for r in repeats]
    np.testing.assert_array_equal(record.val_acc[:, -1], picked)
    np.testing.assert_array_equal(picked, search.val_acc_last.max(axis=1))
    np.testing.assert_array_equal(
        record.test_acc_last, [search.test_acc_last[r, search.picked_last[r]] for r in repeats]
    )


def test_a_grid_of_one_candidate_is_that_constant(setting, records):
    record = GridSearch("grid", np.array([0.3])).run(setting)
    constant = by_name(records)["constant:0.3"]
    np.testing.assert_allclose(record.val_loss, constant.val_loss, rtol=1e-4)
    np.testing.assert_allclose(record.test_acc_best, constant.test_acc_best, atol=0.03)


def test_the_grid_is_as_asked_for():
    for method in (get_method("grid", MethodOptions(runs=51)), get_method("grid:51")):
        assert isinstance(method, GridSearch)
        assert method.levels[[0, 1, 29, 50]].tolist() == [0.0, 0.01, 0.29, 0.5]
        assert method.width == 51


def test_the_oracle_is_the_grid_picked_by_the_test_split(setting, records):
    oracle = get_method("oracle").run(setting)
    grid = by_name(records)["grid"]
    np.testing.assert_array_equal(oracle.search.test_acc_last, grid.search.test_acc_last)
    np.testing.assert_array_equal(oracle.test_acc_last, grid.search.test_acc_last.max(axis=1))
    np.testing.assert_array_equal(oracle.test_acc_best, grid.search.test_acc_best.max(axis=1))
    assert (oracle.test_acc_last >= grid.test_acc_last).all()
    assert get_method("oracle").oracle and not get_method("grid").oracle


def test_a_controller_runs_as_a_scheduler_would(setting, controller_file):
    method = get_method(str(controller_file))
    assert method.name == "second"
    record = method.run(setting)
    assert (record.levels == 0.25).all()
    assert (record.epochs_spent == method.epochs(setting.task)).all()
    assert method.epochs(setting.task) == setting.task.epochs
    scheduler = PolicyScheduler(controller_file, epochs=setting.task.epochs, classes=3)
    assert scheduler.level == 0.25


def test_the_oracle_trains_nothing_after_a_grid_of_the_same_levels_and_seeds(setting):
    made = {method.name: method for method in get_methods(["grid:2", "oracle:2", "oracle:3"])}

    def epochs_trained(method, where=setting):
        told = []
        method.run(where, on_progress=lambda done, total: told.append(done))
        return bool(told)

    grid = made["grid:2"].run(setting)
    assert not epochs_trained(made["oracle:2"])
    assert epochs_trained(made["oracle:3"])  # other levels
    assert epochs_trained(made["oracle:3"], setting.part(slice(1, 2)))  # other seeds
    again = made["grid:2"].run(setting)
    np.testing.assert_array_equal(again.test_acc_last, grid.test_acc_last)
    assert epochs_trained(get_method("oracle:2")), "made by itself it shares with nobody"


@pytest.mark.parametrize(
    "name", ["grid:5", "oracle:5", "adaptive", "backward", "backward:0.1", "tracking:0.5"]
)
def test_methods_are_called_what_they_were_asked_for_as(name):
    assert get_method(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gird", "did you mean grid"),
        ("grid:1", "at least 2, not '1'"),
        ("grid:many", "write grid:51"),
        ("nothing-like-it", "use one of"),
        ("none:3", "takes nothing after a colon"),
        ("constant", "write constant:0.1"),
        ("constant:x", "not 'x'"),
        ("tracking:-1", "at least 0"),
        ("backward:nan", "at least 0"),
        ("no/such.safetensors", "no controller file"),
        ("no/such", "check the path"),
    ],
)
def test_names_that_are_no_methods(name, message):
    with pytest.raises(InputError, match=message):
        get_method(name)


def test_a_folder_is_no_controller(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        get_method(str(tmp_path))


@pytest.mark.parametrize(("runs", "highest"), [(1, 0.5), (11, 0.0), (11, float("nan")), (11, float("inf"))])
def test_searches_that_are_none(runs, highest):
    with pytest.raises(InputError, match="search of 1 run" if runs == 1 else "highest level"):
        MethodOptions(runs, highest)


def test_methods_are_taken_once_and_controllers_of_one_name_are_told_apart(controller_file, tmp_path):
    other = tmp_path / "other" / "second.safetensors"
    other.parent.mkdir()
    other.write_bytes(controller_file.read_bytes())
    names = ["none", " none ", str(controller_file), str(other), str(controller_file)]
    assert [method.name for method in get_methods(names)] == ["none", "second", str(other)]
    several = [f"best-of:2:{name}" for name in names[2:4]]
    assert [m.name for m in get_methods(several)] == ["best-of:2:second", f"best-of:2:{other}"]


def test_a_shipped_controller_keeps_its_name_beside_a_file_of_that_name(
    controller_file, tmp_path, monkeypatch
):
    own = tmp_path / "own" / "second.safetensors"
    own.parent.mkdir()
    own.write_bytes(controller_file.read_bytes())
    monkeypatch.setattr("rlflood.control.shipped.FOLDER", controller_file.parent)
    assert get_method("second").name == "second"
    assert [m.name for m in get_methods(["second", str(own)])] == ["second", str(own)]
    assert [m.name for m in get_methods([str(own), "second"])] == [str(own), "second"]
    with pytest.raises(InputError, match=r"use one of .*, second, or a controller's file"):
        get_method("absent")


def test_a_new_method_is_one_function_and_one_registration(monkeypatch):
    monkeypatch.setattr("rlflood.experiments.methods.registry.METHODS", dict(METHODS))

    @register("midway", "always a half")
    def build(argument, options):
        return GridSearch("midway", np.array([0.5]))

    assert isinstance(get_method("midway"), GridSearch)
    with pytest.raises(ValueError, match="already"):
        register("midway", "again")(build)


def test_every_method_has_a_summary():
    for name, kind in METHODS.items():
        assert isinstance(kind, MethodKind)
        assert kind.name == name and kind.summary


def test_progress_counts_every_epoch_of_every_method(setting):
    told = []
    methods = get_methods(["none", "constant:0.1"])
    list(compare(setting, methods, on_progress=lambda *now: told.append(now)))
    total = 2 * setting.repeats * setting.task.epochs
    assert told[-1] == (total, total)
    assert told == sorted(told) and {now[1] for now in told} == {total}
