"""Running a study: what is missing, once, in any number of processes, whenever they are killed."""

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from rlflood.data import facts_of
from rlflood.errors import InputError, RlfloodWarning
from rlflood.experiments import ScheduledMethod
from rlflood.experiments.study import work as working
from rlflood.experiments.study.file import resolved
from rlflood.experiments.study.folder import open_study, start_study
from rlflood.experiments.study.plan import Plan, missing
from rlflood.experiments.study.results import load_results
from rlflood.experiments.study.store import DATABASE, Store, Unit
from rlflood.experiments.study.work import run_study
from rlflood.training import Machine

STUDY = {
    "name": "small",
    "seeds": 3,
    "methods": ["none", "grid", "random", "tracking"],
    "runs": 3,
    "tasks": [
        {
            "data": "wine",
            "label_noise": [0.0, 0.2],
            "train_size": 20,
            "val_size": 20,
            "hidden": [8],
            "epochs": 8,
        }
    ],
}


def study(**changes):
    return resolved({**STUDY, **changes}, "the test's study")


def run(folder, on_progress=lambda *_: None):
    run_study(folder, Machine(), on_progress)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "study"
    start_study(study(), folder)
    run(folder)
    return folder


def contents(folder):
    """All that a study has measured, but for the times it took."""
    results = load_results(folder)
    assert results.finished
    with sqlite3.connect(folder / DATABASE) as connection:
        rows = connection.execute("SELECT * FROM runs ORDER BY task, method, repeat").fetchall()
        units = connection.execute(
            "SELECT task, method, first, arrays FROM units ORDER BY 1, 2, 3"
        ).fetchall()
        looks = connection.execute("SELECT * FROM diagnoses ORDER BY 1, 2").fetchall()
    assert len(rows) == 2 * 4 * 3 and len(units) == 2 * 4 and len(looks) == 2 * 4
    return rows, units, looks


# ---------------------------------------------------------------- what a study becomes


def test_every_method_has_every_seed_of_every_task(finished):
    results = load_results(finished)
    assert results.finished
    tasks, methods, repeats = results.comparable
    assert tasks == ["wine, 0 % noise", "wine, 20 % noise"] and repeats == [0, 1, 2]
    assert methods == ["none", "grid", "random", "tracking"]
    for task in tasks:
        # the same first epoch: same data, noise, initialisation and batch order for all methods of a seed
        first = [results.records[task, method].val_loss[:, 0] for method in ("none", "tracking")]
        np.testing.assert_array_equal(*first)
    assert len(results.starts) == 1 and results.starts[0]["versions"]["torch"]
    assert sorted(path.name for path in finished.iterdir()) == [".locks", DATABASE, "study.toml"]
    assert not any((finished / ".locks").iterdir())


def test_the_diagnosed_runs_are_those_that_were_recorded(finished):
    results = load_results(finished)
    assert set(results.diagnoses) == set(results.records)
    for key, diagnosis in results.diagnoses.items():
        record = results.records[key]
        assert diagnosis.val_loss.shape == (1, len(diagnosis.epochs))
        np.testing.assert_allclose(
            diagnosis.val_loss[0], record.val_loss[0, diagnosis.epochs - 1], rtol=1e-4, atol=1e-6
        )


def test_running_again_does_nothing(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    before, told = contents(folder), []
    run(folder, lambda *now: told.append(now))
    assert contents(folder) == before and told == []
    assert len(Store(folder).starts()) == len(Store(finished).starts()) == 1


def test_progress_rises_to_the_end_and_names_the_work(tmp_path):
    told = []
    start_study(study(seeds=1, tasks=[{**STUDY["tasks"][0], "label_noise": 0.1}]), tmp_path)
    run(tmp_path, lambda *now: told.append(now))
    done = [now[0] for now in told]
    assert done == sorted(done) and {now[1] for now in told} == {told[0][1]}
    assert done[0] == 0 and done[-1] == pytest.approx(told[0][1])
    names = list(dict.fromkeys(now[2].partition(": ")[2] for now in told))
    assert names == ["none", "grid", "random", "tracking", "curves of the test loss"]


# ---------------------------------------------------------------- growing a study


def test_a_study_takes_more_seeds_and_methods_and_keeps_what_is_done(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    before = contents(folder)[0]
    methods = [*STUDY["methods"], "constant:0.2"]
    start_study(study(seeds=5, methods=methods), folder)
    run(folder)
    results = load_results(folder)
    assert results.finished and results.comparable[2] == [0, 1, 2, 3, 4]
    with sqlite3.connect(folder / DATABASE) as connection:
        after = connection.execute("SELECT * FROM runs ORDER BY task, method, repeat").fetchall()
    assert set(before) <= set(after) and len(after) == 2 * 5 * 5
    assert [unit.first for unit in Store(folder).units() if unit.method == "none"] == [0, 0, 3, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed is 0 there, not 1"),
        ({"runs": 4}, "runs is 3 there, not 4"),
        ({"seeds": 2}, "it has 3 seeds, not 2"),
        ({"methods": ["none", "grid"]}, "it has the method random, which is not asked for"),
        ({"tasks": [{**STUDY["tasks"][0], "epochs": 9}]}, "its task 'wine, 0 % noise' has other settings"),
        ({"tasks": [{"data": "digits"}]}, "it has the task 'wine, 0 % noise', which is not asked for"),
    ],
)
def test_a_folder_holds_one_study(finished, changes, message):
    before = (finished / "study.toml").read_bytes()
    with pytest.raises(InputError, match=message):
        start_study(study(**changes), finished)
    assert (finished / "study.toml").read_bytes() == before


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(InputError, match="no study in"):
        open_study(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_for_a_study_that_cannot_run(tmp_path):
    with pytest.raises(InputError, match="did you mean grid"):
        start_study(study(methods=["none", "gird"]), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_controllers_are_kept_with_the_study(tmp_path, controller_file):
    small = {"seeds": 1, "methods": ["none", str(controller_file)]}
    start_study(study(**small), tmp_path / "study")
    own = tmp_path / "study" / "controllers" / "second.safetensors"
    assert own.read_bytes() == controller_file.read_bytes()
    content = controller_file.read_bytes()
    controller_file.unlink()
    assert [method.name for method in open_study(tmp_path / "study").make_methods()] == ["none", "second"]
    run(tmp_path / "study")
    assert (load_results(tmp_path / "study").records["wine, 0 % noise", "second"].levels == 0.25).all()
    controller_file.write_bytes(content.replace(b"second", b"second") + b"")
    start_study(study(**small), tmp_path / "study")  # the same file again
    own.write_bytes(b"another")
    with pytest.raises(InputError, match="another controller called second"):
        start_study(study(**small), tmp_path / "study")


def test_ones_own_data_is_found_from_the_studys_file_and_must_not_change(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "my.npz", x=rng.normal(size=(90, 2)), y=np.arange(90) % 2)
    own = {"tasks": [{"data": str(tmp_path / "my.npz"), "epochs": 3, "hidden": [4]}]}
    monkeypatch.chdir(tmp_path.parent)
    near = {"tasks": [{"data": "my.npz", "epochs": 3, "hidden": [4]}], "seeds": 1, "methods": ["none"]}
    near = resolved({**STUDY, **near}, "near", Path(tmp_path.name))
    assert start_study(near, Path(tmp_path.name) / "near").tasks == near.tasks
    run(Path(tmp_path.name) / "near")
    start_study(study(**own), tmp_path / "study")
    np.savez(tmp_path / "my.npz", x=rng.normal(size=(90, 2)), y=np.arange(90) % 2)
    with pytest.raises(InputError, match=r"my\.npz has changed since"):
        start_study(study(**own), tmp_path / "study")


def own(folder, **changes):
    """A study of one's own data, all sizes given: one method, two seeds."""
    rng = np.random.default_rng(0)
    np.savez(folder / "my.npz", x=rng.normal(size=(90, 2)), y=np.arange(90) % 3)
    sizes = {"train_size": 30, "val_size": 20, "test_size": 40}
    task = {"data": str(folder / "my.npz"), "epochs": 3, "hidden": [4], **sizes, **changes}
    return study(seeds=2, methods=["none"], tasks=[{"data": "wine", "epochs": 3}, task])


@pytest.mark.parametrize(
    ("break_it", "changes", "message"),
    [
        (Path.unlink, {}, r"the task .my.: The file .*my\.npz does not exist"),
        (lambda file: file.write_text(""), {}, r"the task .my.: The file .*my\.npz is empty"),
        (lambda file: None, {"target": "y"}, r"the task .my.: A target column"),
        (lambda file: None, {"train_size": 31}, r"the task .my.: .*my\.npz has 90 samples.*make the splits"),
        (lambda file: None, {"val_size": 2}, r"the task .my.: val_size is 2, too small"),
    ],
)
def test_data_are_looked_at_before_anything_is_written(tmp_path, break_it, changes, message):
    mine = own(tmp_path, **changes)
    break_it(tmp_path / "my.npz")
    with pytest.raises(InputError, match=message):
        start_study(mine, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_finished_study_is_read_when_its_data_have_gone(tmp_path):
    start_study(own(tmp_path), tmp_path / "study")
    run(tmp_path / "study")
    (tmp_path / "my.npz").rename(tmp_path / "elsewhere.npz")
    results = load_results(tmp_path / "study")
    assert results.finished
    assert results.facts["wine"] == facts_of("wine")
    mine = results.facts["my"]
    assert (mine.classes, mine.features, mine.size) == (3, 2, 90)
    run(tmp_path / "study")  # nothing is left to do, so nothing is missed
    with sqlite3.connect(tmp_path / "study" / DATABASE) as connection:
        connection.execute("DROP TABLE data")  # as a study of an older version is
    assert load_results(tmp_path / "study").facts == {"wine": facts_of("wine")}


def test_an_unfinished_study_says_at_once_that_its_data_have_gone(tmp_path):
    start_study(own(tmp_path), tmp_path / "study")
    (tmp_path / "my.npz").unlink()
    with pytest.raises(InputError, match=r"the task .my.: The file .* does not exist"):
        run(tmp_path / "study")
    assert not Store(tmp_path / "study").units()


# ---------------------------------------------------------------- units


class Wide:
    name, width = "wide", 20


def test_units_are_blocks_that_fit_a_stack():
    assert missing([], "t", Wide(), 7) == [
        Unit("t", "wide", 0, 3),
        Unit("t", "wide", 3, 3),
        Unit("t", "wide", 6, 1),
    ]


def test_blocks_have_the_same_edges_whatever_is_done():
    done = [Unit("t", "wide", 3, 3)]
    assert missing(done, "t", Wide(), 7) == [Unit("t", "wide", 0, 3), Unit("t", "wide", 6, 1)]
    assert missing([Unit("t", "wide", 0, 2)], "t", Wide(), 5) == [
        Unit("t", "wide", 2, 1),
        Unit("t", "wide", 3, 2),
    ]
    assert missing([Unit("other", "wide", 0, 3)], "t", Wide(), 3) == [Unit("t", "wide", 0, 3)]


def test_the_first_repeats_of_everything_come_first(tmp_path):
    start_study(study(seeds=50), tmp_path)
    pending = Plan(open_study(tmp_path), Store(tmp_path), Machine()).pending()
    assert [unit.first for unit in pending] == sorted(unit.first for unit in pending)
    assert {(unit.task, unit.method) for unit in pending[:8]} == {
        (unit.task, unit.method) for unit in pending
    }


# ---------------------------------------------------------------- several processes, and their deaths


@pytest.fixture(scope="module")
def processes():
    """Copies of this process, which needn't import everything again."""
    return multiprocessing.get_context("fork")


def work(folder, log):
    """Run the study in a process of its own, noting each unit that it trains."""

    def note(done, total, what):
        with open(log, "a") as file:
            file.write(what + "\n")

    real = working._advance

    def advance(cost, what, on_unit):
        note(0, 0, f"{os.getpid()} {what}")
        return real(cost, what, on_unit)

    working._advance = advance
    run(folder)


def test_two_processes_share_a_study(finished, tmp_path, processes):
    folder, log = tmp_path / "study", tmp_path / "log"
    start_study(study(), folder)
    workers = [processes.Process(target=work, args=(folder, log)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert contents(folder) == contents(finished)
    trained = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines()]
    assert len(trained) == len(set(trained)) == 10  # 8 units and 2 diagnoses, each once


def test_processes_started_for_a_study_give_the_same_results(finished, tmp_path):
    told = []
    start_study(study(), tmp_path)
    run_study(tmp_path, Machine(), lambda *now: told.append(now), processes=2)
    assert contents(tmp_path) == contents(finished)
    assert len(Store(tmp_path).starts()) == 2
    assert all(0 <= done <= total for done, total, _ in told)
    assert {what.partition(": ")[2] for _, _, what in told} >= set(STUDY["methods"])


def test_what_goes_wrong_in_a_process_that_was_started_is_told(tmp_path):
    np.savez(tmp_path / "my.npz", x=np.random.default_rng(0).normal(size=(90, 2)), y=np.arange(90) % 2)
    own = [{"data": str(tmp_path / "my.npz"), "epochs": 3, "hidden": [4]}]
    start_study(study(tasks=own, methods=["none"]), tmp_path / "study")
    plan = Plan(open_study(tmp_path / "study"), Store(tmp_path / "study"), Machine())
    assert plan.pending()
    np.savez(tmp_path / "my.npz", x=np.zeros((90, 2)), y=np.zeros(90))
    with pytest.raises(InputError, match="at least two classes"):
        run_study(tmp_path / "study", Machine(), lambda *_: None, processes=2)


def die_at(folder, event):
    """Run the study, and die by SIGKILL at the given event: an epoch, or a statement to the database."""
    left = [event]

    def tick(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    real = sqlite3.connect

    def connect(*arguments, **options):
        connection = real(*arguments, **options)
        connection.set_trace_callback(tick)
        return connection

    sqlite3.connect = connect
    run(folder, tick)


def test_killed_at_20_random_moments_the_results_are_those_of_a_run_never_killed(
    finished, tmp_path, processes
):
    folder, rng, deaths = tmp_path / "study", random.Random(0), 0
    start_study(study(), folder)
    while deaths < 20:
        # an attempt dies before its first unit or in one of the next, so that twenty don't reach the end
        worker = processes.Process(target=die_at, args=(folder, rng.randrange(66)))
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        deaths += 1
    begun = len(Store(folder).units())
    run(folder)
    assert 0 < begun < 8, "the kills should come while there is work"
    assert contents(folder) == contents(finished)


def wait_forever(folder):
    with working._claim(folder, Unit("wine, 0 % noise", "none", 0, 3).key):
        (folder / "claimed").touch()
        time.sleep(1000)


def test_the_work_of_a_process_that_was_killed_is_taken_over(tmp_path, processes):
    start_study(study(seeds=3), tmp_path)
    holder = processes.Process(target=wait_forever, args=(tmp_path,))
    holder.start()
    while not (tmp_path / "claimed").exists():
        time.sleep(0.01)
    other = processes.Process(target=run, args=(tmp_path,))
    other.start()
    while len(Store(tmp_path).units()) < 7:  # all but the one that is claimed
        time.sleep(0.01)
    assert other.is_alive()
    holder.kill()
    other.join()
    holder.join()
    assert other.exitcode == 0 and load_results(tmp_path).finished


# ---------------------------------------------------------------- what cannot be written


def test_a_result_that_cannot_be_written_is_tried_again(tmp_path, monkeypatch):
    start_study(study(seeds=1, methods=["none"], diagnosed_seeds=0), tmp_path)
    real, failures = Store.add, []

    def add(*arguments, **how):
        if len(failures) < 3:
            failures.append(1)
            raise InputError("the results cannot be used (database or disk is full)")
        real(*arguments, **how)

    monkeypatch.setattr(Store, "add", add)
    monkeypatch.setattr(working, "_PAUSE", 0.0)
    with pytest.warns(RlfloodWarning, match=r"disk is full.*it is tried again") as caught:
        run(tmp_path)
    assert len(caught) == 1 and len(failures) == 3
    assert load_results(tmp_path).finished


def test_a_result_that_cannot_be_written_at_all_is_one_message(tmp_path, monkeypatch):
    start_study(study(seeds=1, methods=["none"]), tmp_path)
    monkeypatch.setattr(working, "_PAUSE", 0.0)
    monkeypatch.setattr(working, "_TRIES", 3)
    real = sqlite3.connect

    def connect(*arguments, **options):
        connection = real(*arguments, **options)
        connection.execute("PRAGMA query_only = ON")
        return connection

    run_method = ScheduledMethod.run

    def then_read_only(*arguments):
        record = run_method(*arguments)
        monkeypatch.setattr(sqlite3, "connect", connect)
        return record

    monkeypatch.setattr(ScheduledMethod, "run", then_read_only)
    with pytest.warns(RlfloodWarning), pytest.raises(InputError, match=r"cannot be used .*readonly"):
        run(tmp_path)


def test_a_process_that_sigterm_ends_stops_the_study_and_leaves_what_is_done(tmp_path, monkeypatch):
    # data that are made: a process takes seconds to import scikit-learn for others
    task = {**STUDY["tasks"][0], "data": "two-gaussians", "test_size": 40, "epochs": 300}
    start_study(study(tasks=[task]), tmp_path)
    told = []

    def end_one(*now):
        told.append(now)
        if len(Store(tmp_path).units()) == 1:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path, Machine(), end_one, processes=2)
    assert multiprocessing.active_children() == []
    assert 1 <= len(Store(tmp_path).units()) < 4
    assert not list((tmp_path / ".unfinished").glob(".*"))
