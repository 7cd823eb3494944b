"""Methods: their names, what they run, and what a search picks."""

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments import METHODS, MethodOptions, Setting, compare, get_method, get_methods
from rlflood.experiments.methods import GridSearch, ScheduledMethod, grid, register
from rlflood.experiments.methods.registry import MethodKind
from rlflood.schedulers import BackwardFlood, Controller, ControlSpec, LevelSet, PolicyScheduler


@pytest.fixture
def controller_file(tmp_path):
    """A controller of one linear layer that prefers the second of its levels whatever it sees."""
    spec = ControlSpec("metrics", LevelSet((0.0, 0.25, 0.5)), decisions=3)
    layer = (np.zeros((3, 4), np.float32), np.array([0, 1, 0], np.float32))
    file = tmp_path / "second.safetensors"
    Controller(spec, [layer]).save(file)
    return file


def by_name(records):
    return {record.method: record for record in records}


def test_none_never_floods_and_a_constant_always_does(records):
    assert not by_name(records)["none"].levels.any()
    assert (by_name(records)["constant:0.3"].levels == 0.3).all()


def test_a_constant_of_the_grid_is_the_grids_run_of_that_level(records):
    constant, search = by_name(records)["constant:0.3"], by_name(records)["grid"].search
    column = np.flatnonzero(search.levels == 0.3).item()
    np.testing.assert_allclose(search.val_acc[:, column], constant.val_acc[:, -1], atol=0.03)
    np.testing.assert_allclose(search.test_acc_final[:, column], constant.test_acc_final, atol=0.03)


def test_the_grids_record_is_that_of_the_run_it_picked(records, setting):
    record = by_name(records)["grid"]
    search, repeats = record.search, range(setting.repeats)
    assert record.epochs_spent == 11 * setting.task.epochs
    np.testing.assert_allclose(search.levels, np.arange(11) * 0.05)
    np.testing.assert_array_equal(record.levels[:, -1], search.levels[search.final])
    picked = [search.val_acc[r, search.final[r]] for r in repeats]
    np.testing.assert_array_equal(record.val_acc[:, -1], picked)
    np.testing.assert_array_equal(picked, search.val_acc.max(axis=1))
    np.testing.assert_array_equal(
        record.test_acc_final, [search.test_acc_final[r, search.final[r]] for r in repeats]
    )


def test_a_grid_of_one_candidate_is_that_constant(setting, records):
    record = GridSearch(np.array([0.3])).run(setting)
    constant = by_name(records)["constant:0.3"]
    np.testing.assert_allclose(record.val_loss, constant.val_loss, rtol=1e-4)
    np.testing.assert_allclose(record.test_acc_best, constant.test_acc_best, atol=0.03)


def test_picks_by_final_and_by_best_accuracy_and_ties_by_loss():
    # one repeat; candidate 1 ends best, candidate 0 was best in between, candidate 2 ties at worse losses
    accuracy = np.array([[[0.5, 0.9, 0.6], [0.5, 0.6, 0.8], [0.5, 0.9, 0.8]]])
    loss = np.array([[[1.0, 0.4, 0.9], [1.0, 0.9, 0.5], [1.0, 0.5, 0.6]]])
    final, best = grid.picks(accuracy, loss)
    assert (final.item(), best.item()) == (1, 0)


def test_picks_the_lower_level_where_all_is_equal_and_never_a_run_that_diverged():
    accuracy, loss = np.full((1, 3, 2), 0.5), np.full((1, 3, 2), 0.7)
    assert [pick.item() for pick in grid.picks(accuracy, loss)] == [0, 0]
    accuracy[0, 0], loss[0, 0] = 0.99, np.nan
    assert [pick.item() for pick in grid.picks(accuracy, loss)] == [1, 1]
    assert [pick.item() for pick in grid.picks(accuracy, np.full((1, 3, 2), np.nan))] == [0, 0]


def test_the_grid_is_as_asked_for():
    method = get_method("grid", MethodOptions(grid_levels=51, grid_max=0.5))
    assert isinstance(method, GridSearch)
    assert method.levels[[0, 1, 29, 50]].tolist() == [0.0, 0.01, 0.29, 0.5]


def test_a_controller_runs_as_a_scheduler_would(setting, controller_file):
    method = get_method(str(controller_file))
    assert method.name == "second"
    record = method.run(setting)
    assert (record.levels == 0.25).all()
    assert record.epochs_spent == method.epochs(setting.task) == setting.task.epochs
    scheduler = PolicyScheduler(controller_file, epochs=setting.task.epochs, classes=3)
    assert scheduler.level == 0.25


def test_backward_floods_once_the_network_has_fitted(setting):
    task = setting.task.model_copy(update={"learning_rate": 0.1, "epochs": 80, "label_noise": 0.0})
    easy = Setting(task, setting.data_seeds, setting.network_seeds)
    record = ScheduledMethod("backward", lambda task: BackwardFlood(0.26, threshold=0.01)).run(easy)
    reached = record.train_loss[0].argmax() if not record.levels.any() else record.levels[0].argmax()
    assert record.levels[0, reached] == 0.26
    assert record.train_loss[0, reached - 1] < 0.01 <= record.train_loss[0, : reached - 1].min()


@pytest.mark.parametrize("name", ["adaptive", "backward", "backward:0.1", "tracking:0.5"])
def test_methods_are_called_what_they_were_asked_for_as(name):
    assert get_method(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gird", "did you mean grid"),
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


@pytest.mark.parametrize(("levels", "highest"), [(1, 0.5), (11, 0.0), (11, float("nan")), (11, float("inf"))])
def test_grids_that_are_none(levels, highest):
    with pytest.raises(InputError, match="--grid"):
        MethodOptions(levels, highest)


def test_methods_are_taken_once_and_controllers_of_one_name_are_told_apart(controller_file, tmp_path):
    other = tmp_path / "other" / "second.safetensors"
    other.parent.mkdir()
    other.write_bytes(controller_file.read_bytes())
    names = ["none", " none ", str(controller_file), str(other), str(controller_file)]
    assert [method.name for method in get_methods(names)] == ["none", "second", str(other)]


def test_a_new_method_is_one_function_and_one_registration(monkeypatch):
    monkeypatch.setattr("rlflood.experiments.methods.registry.METHODS", dict(METHODS))

    @register("half", "always a half")
    def build(argument, options):
        return GridSearch(np.array([0.5]))

    assert isinstance(get_method("half"), GridSearch)
    with pytest.raises(ValueError, match="already"):
        register("half", "again")(build)


def test_every_method_has_a_summary():
    for name, kind in METHODS.items():
        assert isinstance(kind, MethodKind)
        assert kind.name == name and kind.summary


def test_progress_counts_every_epoch_of_every_method(setting):
    told = []
    methods = get_methods(["none", "constant:0.1"])
    list(compare(setting, methods, lambda *now: told.append(now)))
    total = 2 * setting.repeats * setting.task.epochs
    assert told[-1] == (total, total)
    assert told == sorted(told) and {now[1] for now in told} == {total}
