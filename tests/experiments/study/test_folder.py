"""The folder of a study: what is checked before it is made, and when another study may have it."""

import multiprocessing

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments.study import work as working
from rlflood.experiments.study.file import resolved
from rlflood.experiments.study.folder import find_study, start_study
from rlflood.experiments.study.locks import at_work, somebody_at_work
from rlflood.experiments.study.results import load_results
from rlflood.experiments.study.store import Store
from rlflood.experiments.study.work import run_study
from rlflood.training import Machine

TASK = {"data": "wine", "train_size": 20, "val_size": 20, "hidden": [8], "epochs": 3}
STUDY = {"name": "small", "seeds": 1, "methods": ["none", "tracking"], "diagnosed_seeds": 0}


def study(methods=("none", "tracking"), **task):
    return resolved({**STUDY, "methods": list(methods), "tasks": [{**TASK, **task}]}, "the test's study")


def run(folder):
    run_study(folder, Machine(), lambda *_: None)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"train_size": 150, "val_size": 100}, "the task 'wine': wine has 178 samples, but 150 .* smaller"),
        ({"train_size": 100, "val_size": 60, "test_size": 30}, "wine has 178 samples"),
        ({"val_size": 2}, "val_size is 2, too small for wine"),
        ({"data": "two-gaussians", "train_size": 1}, "train_size is 1, too small"),
        ({"network": "cnn", "hidden": [100, 100, 100]}, "wine has no images: cnn needs some"),
    ],
)
def test_a_study_whose_data_do_not_do_leaves_no_folder(tmp_path, task, message):
    wrong = study(**task)
    with pytest.raises(InputError, match=message):
        wrong.checked_data()
    with pytest.raises(InputError, match=message):
        start_study(wrong, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_a_task_cannot_have_is_told_before_the_folder_is_made(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "my.npz", x=rng.normal(size=(90, 4)), y=np.arange(90) % 2)
    mine = study(["none", "dropout"], data=str(tmp_path / "my.npz"))
    assert len(start_study(mine, tmp_path / "mine").methods) == 2
    images = mine.model_copy(update={"tasks": (mine.tasks[0].model_copy(update={"network": "cnn"}),)})
    with pytest.raises(InputError, match="cnn"):
        start_study(images, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_two_controllers_of_one_name_leave_no_folder(tmp_path, controller_file):
    other = tmp_path / "other" / controller_file.name
    other.parent.mkdir()
    other.write_bytes(controller_file.read_bytes().replace(b"0.25", b"0.35"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="another controller called second"):
        start_study(study(["none", str(controller_file), str(other)]), tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def failed(tmp_path, monkeypatch):
    """A folder in which a study was run and failed before anything of it was done."""

    def fail(*_):
        raise InputError("something is wrong with the first task")

    folder = tmp_path / "study"
    start_study(study(), folder)
    with monkeypatch.context() as patch:
        patch.setattr(working, "_attempt", fail)
        with pytest.raises(InputError, match="the first task"):
            run(folder)
    return folder


def test_a_study_that_failed_makes_way_for_another(failed):
    other = study(["none", "grid"], data="digits", epochs=2)
    assert start_study(other, failed) == other == find_study(failed)
    assert Store(failed).starts() == []
    run(failed)
    results = load_results(failed)
    assert results.finished and set(results.records) == {("digits", "none"), ("digits", "grid")}
    with pytest.raises(InputError, match="holds the results of another study"):
        start_study(study(), failed)


def test_a_study_that_failed_may_have_had_another_controller_and_other_files(tmp_path, controller_file):
    np.savez(tmp_path / "my.npz", x=np.random.default_rng(0).normal(size=(90, 4)), y=np.arange(90) % 2)
    mine = study(["none", str(controller_file)], data=str(tmp_path / "my.npz"))
    folder = tmp_path / "study"
    start_study(mine, folder)
    Store(folder).set_tried()
    np.savez(tmp_path / "my.npz", x=np.random.default_rng(1).normal(size=(90, 4)), y=np.arange(90) % 2)
    controller_file.write_bytes(controller_file.read_bytes().replace(b"0.25", b"0.35"))
    start_study(mine, folder)
    own = folder / "controllers" / controller_file.name
    assert own.read_bytes() == controller_file.read_bytes()
    run(folder)
    assert load_results(folder).finished


def hold(folder, ready, enough):
    with at_work(folder):
        ready.set()
        enough.wait()


def test_a_study_that_somebody_works_on_stays(failed):
    context = multiprocessing.get_context("fork")
    ready, enough = context.Event(), context.Event()
    other = context.Process(target=hold, args=(failed, ready, enough))
    other.start()
    try:
        ready.wait()
        assert somebody_at_work(failed)
        with pytest.raises(InputError, match="another study"):
            start_study(study(["none", "grid"]), failed)
    finally:
        enough.set()
        other.join()
    assert not somebody_at_work(failed)
    assert start_study(study(["none", "grid"]), failed).methods == ("none", "grid")


def test_nothing_is_left_of_locks(failed):
    run(failed)
    assert list((failed / ".locks").iterdir()) == []
