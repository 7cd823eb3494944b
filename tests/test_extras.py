"""Packages that are optional: what names the extra that brings them, and when they are asked for."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from rlflood.errors import InputError
from rlflood.experiments import Setting, compare, get_method, load_results, run_study, start_study
from rlflood.experiments.study.file import resolved
from rlflood.extras import INSTALLED_BY, MissingPackage, check_package
from rlflood.training import Machine, Task

ROOT = Path(__file__).parent.parent
TINY = {"data": "wine", "train_size": 20, "val_size": 20, "test_size": 20, "hidden": [4], "epochs": 2}
NEEDY = [
    ("tpe", "optuna", 'the method tpe needs Optuna: pip install "rlflood[benchmark]"'),
    ("tpe-hyperband:5", "optuna", "the method tpe-hyperband:5 needs Optuna"),
    ("tpe-median", "optuna", "the method tpe-median needs Optuna"),
]


@pytest.fixture
def hide(monkeypatch):
    """Make modules look as if they were not installed."""

    def hidden(*modules):
        for module in modules:
            monkeypatch.setitem(sys.modules, module, None)

    return hidden


def test_each_package_is_in_the_extra_that_is_named_or_comes_with_rlflood():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for package, brings in INSTALLED_BY.items():
        _, _, extra = brings.removesuffix("]").partition("[")
        lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
        names = [re.split(r"[\[<>=]", line)[0].replace("-", "_") for line in lines]
        assert package in names, f"{brings} does not bring {package}"


def test_what_is_missing_is_said_with_what_brings_it(hide):
    check_package("json", "this needs json")
    hide("plotly.offline")
    with pytest.raises(MissingPackage) as caught:
        check_package("plotly.offline", "this needs Plotly")
    assert str(caught.value) == 'this needs Plotly: pip install "rlflood[benchmark]"'
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize(("name", "module", "message"), NEEDY)
def test_a_method_is_made_without_its_package_and_says_so_before_it_trains(hide, name, module, message):
    hide(module)
    setting = Setting.from_seed(Task(data="/gone.npz"), 0, 1)  # training would look for it
    method = get_method(name)
    for begin in (
        lambda: method.check(setting.task),
        lambda: next(compare(setting, [get_method("none"), method])),
    ):
        with pytest.raises(MissingPackage) as caught:
            begin()
        assert str(caught.value).startswith(message)


def study(*methods):
    return resolved({"name": "s", "seeds": 1, "runs": 2, "methods": methods, "tasks": [TINY]}, "s")


def test_a_study_does_not_begin_without_a_package_that_it_needs(hide, tmp_path):
    hide("optuna")
    with pytest.raises(MissingPackage, match="the method tpe needs Optuna"):
        start_study(study("none", "tpe"), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_study_goes_on_and_is_read_without_a_package_that_only_its_past_needed(hide, tmp_path):
    pytest.importorskip("optuna")
    start_study(study("none", "tpe"), tmp_path)
    run_study(tmp_path, Machine(), lambda *_: None)
    hide("optuna")
    results = load_results(tmp_path)
    assert results.finished and [method.name for method in results.methods] == ["none", "tpe"]
    run_study(tmp_path, Machine(), lambda *_: None)  # nothing is left to do

    unfinished = study("none", "tpe").model_copy(update={"seeds": 2})
    with pytest.raises(MissingPackage, match="the method tpe needs Optuna"):
        start_study(unfinished, tmp_path)
