"""Methods on robust criteria: each is the run of a task that has the criterion."""

from dataclasses import replace

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.errors import InputError
from rlflood.experiments import MethodOptions, Setting, get_method
from rlflood.experiments.methods.controller import controller_of, criterion_notes
from rlflood.experiments.methods.criteria import CriterionGrid, UnderCriterion
from rlflood.strengths import STRENGTHS
from rlflood.training import Task

TASK = Task(hidden=(12,), train_size=30, val_size=20, test_size=40, label_noise=0.2, batch_size=10, epochs=7)
SETTING = Setting(TASK, data_seeds=(1, 2), network_seeds=(3, 4))


def run_on(criterion: str, method: str, strength: float | None = None, epochs: int = 7):
    task = TASK.model_copy(update={"criterion": criterion, "strength": strength, "epochs": epochs})
    return get_method(method).run(replace(SETTING, task=task))


def same(found, expected) -> None:
    for name in ("levels", "train_loss", "val_loss", "test_acc_last", "test_acc_best"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("name", sorted(set(STRENGTHS) - {"sam"}))
def test_a_method_of_the_criterions_name_is_a_run_without_flooding_at_the_published_strength(name):
    method = get_method(name)
    assert method.name == name and not method.floods
    found = method.run(SETTING)
    same(found, run_on(name, "none"))
    assert found.epochs_spent.tolist() == [7, 7] == [method.epochs(TASK)] * 2


def test_a_strength_and_a_method_may_be_given():
    same(get_method("label-smoothing:-1").run(SETTING), run_on("label-smoothing", "none", -1.0))
    same(get_method("with:gce=0.4:constant:0.3").run(SETTING), run_on("gce", "constant:0.3", 0.4))
    found = get_method("with:elr:tracking")
    assert isinstance(found, UnderCriterion)
    same(found.run(SETTING), run_on("elr", "tracking"))


def test_sam_has_half_of_the_epochs_and_pays_for_all():
    told = []
    found = get_method("sam").run(SETTING, on_progress=lambda *now: told.append(now))
    alone = run_on("sam", "none", epochs=3)
    np.testing.assert_array_equal(found.val_loss, alone.val_loss[:, [0, 0, 1, 1, 2, 2, 2]])
    np.testing.assert_array_equal(found.test_acc_last, alone.test_acc_last)
    assert found.epochs_spent.tolist() == [7, 7]
    assert told == [(4, 14), (8, 14), (12, 14)]


@pytest.mark.parametrize("name", ["label-smoothing", "gce", "sam"])
def test_a_grid_picks_among_the_runs_of_its_strengths(name):
    method = get_method(f"{name}-grid", MethodOptions(runs=3))
    assert isinstance(method, CriterionGrid) and method.epochs(TASK) == 21
    found = method.run(SETTING)
    assert found.epochs_spent.tolist() == [21, 21]
    for k, strength in enumerate(method.strengths):
        single = get_method(f"{name}:{float(strength)!r}").run(SETTING)
        np.testing.assert_array_equal(found.search.val_loss_last[:, k], single.val_loss[:, -1])
    assert (found.search.val_acc_last.max(axis=1) == found.val_acc[:, -1]).all()


def test_grids_span_what_a_strength_can_be():
    grids = {name: get_method(f"{name}-grid").strengths for name in STRENGTHS}
    for name, values in grids.items():
        assert len(values) == 11 and STRENGTHS[name].fits(values) and (np.diff(values) > 0).all()
    assert grids["label-smoothing"][0] == -1 and grids["label-smoothing"][-1] == 0.5
    assert 0 in grids["label-smoothing"]


def test_with_and_best_of_nest(controller_file):
    several = get_method("best-of:2:with:gce:tracking")
    assert several.name == "best-of:2:with:gce:tracking" and not several.floods
    found = several.run(SETTING)
    same_start = get_method("with:gce:tracking").run(SETTING)
    np.testing.assert_array_equal(found.search.val_loss_last[:, 0], same_start.val_loss[:, -1])
    steered = get_method(f"best-of:2:with:elr=1:{controller_file}")
    assert steered.name == "best-of:2:with:elr=1:second"
    assert controller_of(steered) is not None and controller_of(several) is None


@pytest.fixture
def robust_file(tmp_path):
    """Makes a controller for ELR: always the level 0.5, and the last of its strengths if it has some."""

    def make(*strengths, criterion="elr"):
        spec = ControlSpec(
            "metrics", LevelSet((0.0, 0.5)), decisions=3, criterion=criterion, strengths=strengths
        )
        layer = np.zeros((spec.actions, len(spec.features)), np.float32), np.arange(spec.actions)
        file = tmp_path / "robust.safetensors"
        Controller(spec, [(layer[0], layer[1].astype(np.float32))]).save(file)
        return file

    return make


def test_a_controller_for_a_criterion_trains_with_it(robust_file):
    expected = run_on("elr", "constant:0.5")
    plain = get_method(str(robust_file(criterion="cross-entropy"))).run(SETTING)
    method = get_method(str(robust_file()))
    same(method.run(SETTING), expected)
    assert not (plain.val_loss == expected.val_loss).all() and not method.floods
    same(get_method(f"with:elr:{robust_file()}").run(SETTING), expected)
    # the strength that is asked for, where the controller sets none
    same(get_method(f"with:elr=5:{robust_file()}").run(SETTING), run_on("elr", "constant:0.5", 5.0))
    both = robust_file(1.0, 5.0)
    same(get_method(str(both)).run(SETTING), run_on("elr", "constant:0.5", 5.0))
    assert criterion_notes([get_method(f"best-of:2:{both}"), get_method("none")]) == [
        "robust trains with elr, whose strength it sets"
    ]


def test_what_a_controller_for_a_criterion_is_not_put_on(robust_file):
    file = robust_file(1.0, 5.0)
    with pytest.raises(InputError, match="robust is for elr, not for gce: write with:elr:robust"):
        get_method(f"with:gce:{file}")
    with pytest.raises(InputError, match="robust sets the strength of elr: leave =3 out"):
        get_method(f"with:elr=3:{file}")
    sharp = robust_file(criterion="sam")
    with pytest.raises(InputError, match="write with:sam:robust, which trains half of the epochs"):
        get_method(str(sharp)).check(TASK)
    get_method(f"with:sam:{sharp}").check(TASK)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gce:0", "the strength of gce, its q, must be finite and above 0 and at most 1: got 0"),
        ("gce:x", "takes a number as its strength, not 'x': write gce:0.7"),
        ("gce-grid:3", "takes nothing after a colon"),
        ("with", "needs a criterion and a method: write with:gce:tracking"),
        ("with:gce", "needs a criterion and a method"),
        ("with:gcf:none", "there is no criterion 'gcf': did you mean gce"),
        ("with:cross-entropy:none", "there is no criterion 'cross-entropy'"),
        ("with:gce=:none", "takes a number as its strength, not ''"),
        ("with:gce:grid", "with puts a method of one run on a criterion, and grid is none or has one"),
        ("with:gce:with:sce:none", "is none or has one"),
        ("with:gce:nothing", "there is no method or controller 'nothing'"),
    ],
)
def test_names_that_are_no_methods(name, message):
    with pytest.raises(InputError, match=message):
        get_method(name)
