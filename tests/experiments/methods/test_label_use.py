"""The same labels, all trained on or half of them kept for validation."""

from dataclasses import replace

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.errors import InputError
from rlflood.experiments import MethodOptions, Setting, get_method
from rlflood.experiments.methods import METHODS
from rlflood.experiments.methods.controller import validation_warning
from rlflood.experiments.study.file import Study, StudyTask
from rlflood.experiments.study.folder import start_study
from rlflood.experiments.study.results import load_results
from rlflood.experiments.study.work import run_study
from rlflood.training import Machine, Task

TASK = Task(
    data="blobs",
    hidden=(8,),
    train_size=31,
    val_size=20,
    test_size=40,
    label_noise=0.2,
    batch_size=10,
    epochs=5,
)
SETTING = Setting(TASK, data_seeds=(1, 2), network_seeds=(3, 4))


@pytest.fixture
def blind(tmp_path):
    """A controller of the training alone, which prefers the second of its levels."""
    spec = ControlSpec("training", LevelSet((0.0, 0.4, 0.8), "guessing"), decisions=3, average=True)
    layer = np.zeros((3, len(FEATURES["training"])), np.float32), np.array([0, 1, 0], np.float32)
    file = tmp_path / "blind.safetensors"
    Controller(spec, [layer]).save(file)
    return file


def same(found, expected):
    for name in ("levels", "train_loss", "val_loss", "test_acc_last", "test_acc_average"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def run_on(method, **fields):
    return get_method(method).run(replace(SETTING, task=TASK.model_copy(update=fields)))


@pytest.mark.parametrize(
    "name", ["none", "ema", "label-wave", "constant:0.2", "with:elr:constant:0.3", "gce"]
)
def test_all_is_the_method_on_the_joined_task(name):
    method = get_method(f"all:{name}")
    method.check(TASK)
    found = method.run(SETTING)
    same(found, run_on(name, joined=True))
    assert found.method == method.name == f"all:{name}" and not method.floods
    assert found.deployed == get_method(name).deployed
    assert (found.train_loss != run_on(name).train_loss).any()


@pytest.mark.parametrize("name", ["none", "ema-early-stopping", "grid"])
def test_half_divides_the_labels_evenly(name):
    method = get_method(f"half:{name}", MethodOptions(runs=2))
    method.check(TASK)
    sizes = {"train_size": 26, "val_size": 25}
    inner = get_method(name, MethodOptions(runs=2))
    own = replace(SETTING, task=TASK.model_copy(update=sizes))
    found = method.run(SETTING)
    same(found, inner.run(own))
    assert found.method == f"half:{name}" and method.epochs(TASK) == inner.epochs(TASK)
    assert method.width == inner.width


def test_a_controller_of_the_training_alone_is_trained_on_all_labels_only_if_that_is_said(blind):
    plain, whole = get_method(str(blind)), get_method(f"all:{blind}")
    assert (plain.name, whole.name) == ("blind", "all:blind")
    for method in (plain, whole, get_method(f"all:with:elr:{blind}")):
        method.check(TASK)
        record = method.run(SETTING)
        np.testing.assert_allclose(record.levels, 0.4 * np.log(3))
        assert record.deployed == "average"
    same(plain.run(SETTING), run_on(str(blind), joined=False))
    same(whole.run(SETTING), run_on(str(blind), joined=True))


PICKING = (
    "early-stopping", "ema-early-stopping", "grid", "random", "oracle", "gce-grid", "best-of:2:none",
    "dropout", "tracking", "adaptive", "default", "with:elr:default", "adaflood", "iflood", "pbt", "hold",
)  # fmt: skip


@pytest.mark.parametrize("name", PICKING)
def test_what_goes_by_the_validation_is_refused_where_that_is_trained_on(name):
    method = get_method(f"all:{name}")
    with pytest.raises(InputError, match="goes by the validation samples, and here they are trained on, too"):
        method.check(TASK)
    with pytest.raises(InputError, match="goes by the validation samples"):
        get_method(name).check(TASK.model_copy(update={"joined": True}))
    get_method(name).check(TASK)


def test_no_method_that_picks_is_let_through():
    """Every method that can be made of its name alone: a search, or one that deploys a best, is refused."""
    for kind in METHODS.values():
        try:
            method = get_method(kind.name)
        except InputError:
            continue  # it needs an argument
        if method.width > 1 or method.deployed.startswith("best") or method.oracle:
            assert method.needs_validation, kind.name


def test_names_that_are_no_methods():
    for name, message in (
        ("all", "the method all needs a method after a colon: write all:none"),
        ("half:", "the method half needs a method after a colon: write half:early-stopping"),
        ("all:half:none", "all says what the labels are for, and so does half:none"),
        ("half:all:none", "half says what the labels are for"),
        ("best-of:2:all:none", "best-of runs a method of one run again, and all:none is none"),
        ("with:elr:all:none", "all:none is none or has one"),
        ("all:nothing", "there is no method or controller 'nothing'"),
    ):
        with pytest.raises(InputError, match=message):
            get_method(name)


def test_a_half_that_cannot_be_trained_on_is_told_before():
    task = TASK.model_copy(update={"batch_norm": True, "batch_size": 25})
    with pytest.raises(InputError, match=r"half:none has it: .*26 in batches of 25 leave one alone"):
        get_method("half:none").check(task)


def test_who_is_warned_of_few_validation_samples(blind, controller_file):
    def warned(*names, task=TASK):
        return validation_warning([get_method(str(name)) for name in names], task)

    assert warned(blind, f"all:{blind}", f"half:{blind}", "none") is None
    assert "there are 20: do not rely on second here" in warned(blind, controller_file)
    enough = TASK.model_copy(update={"val_size": 60, "train_size": 30})
    assert warned(controller_file, task=enough) is None
    assert "there are 45: do not rely on half:second here" in warned(f"half:{controller_file}", task=enough)


def test_they_run_in_a_study(blind, tmp_path):
    names = ("none", "all:none", "all:label-wave", f"all:{blind}", "half:none", "half:ema-early-stopping")
    task = StudyTask(name="blobs", **TASK.model_dump())
    study = Study(name="labels", methods=names, seeds=2, diagnosed_seeds=1, tasks=(task,))
    start_study(study, tmp_path / "study")
    run_study(tmp_path / "study", Machine(), lambda *told: None)
    results = load_results(tmp_path / "study")
    assert results.finished
    named = {method.name for method in results.methods}
    assert named == {*names[:3], "all:blind", *names[4:]} == {method for _, method in results.records}
    setting = study.setting(task)
    same(results.records["blobs", "all:blind"], get_method(f"all:{blind}").run(setting))
    refused = study.model_copy(update={"methods": ("none", "all:early-stopping")})
    with pytest.raises(
        InputError, match="the task 'blobs': the method early-stopping goes by the validation"
    ):
        start_study(refused, tmp_path / "other")
