"""Studies: their defaults, their lists, and what is wrong with a file."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from rlflood.data import FILE_ENDINGS
from rlflood.errors import InputError
from rlflood.experiments.study.file import load_study, resolved, study_names

SHORT = """
name = "mine"
seeds = 5
methods = ["none", "early-stopping", "grid", "adaptive", "tracking"]

[[tasks]]
data = "wine"
label_noise = 0.2
train_size = 60
val_size = 40
hidden = [100, 100, 100]
epochs = 200
"""


@pytest.fixture
def study_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_persons_own_study_is_short(study_file):
    study = load_study(study_file(SHORT))
    assert (study.name, study.seeds, study.seed, study.runs, study.reference) == ("mine", 5, 0, 11, "none")
    (task,) = study.tasks
    assert task.name == "wine, 20 % noise"
    assert (task.data, task.train_size, task.val_size, task.test_size) == ("wine", 60, 40, 78)
    assert [method.name for method in study.make_methods()] == list(study.methods)


def test_the_shortest_study_has_methods_sizes_and_a_network(study_file):
    study = load_study(study_file('name = "x"\n[[tasks]]\ndata = "wine"'))
    assert "none" in study.methods and "tracking" in study.methods
    assert study.tasks[0].name == "wine" and study.tasks[0].train_size == 59


def test_a_list_is_one_task_for_each_value(study_file):
    text = 'name = "x"\n[[tasks]]\ndata = ["wine", "digits"]\nlabel_noise = [0.0, 0.25]\nepochs = 9\n'
    text += '[[tasks]]\nname = "big"\ndata = "wine"\nbatch_size = [8, 16]\nlabel_noise = 0.1\n'
    study = load_study(study_file(text))
    assert [task.name for task in study.tasks] == [
        "wine, 0 % noise",
        "wine, 25 % noise",
        "digits, 0 % noise",
        "digits, 25 % noise",
        "big, batch_size 8",
        "big, batch_size 16",
    ]
    assert [task.label_noise for task in study.tasks] == [0, 0.25, 0, 0.25, 0.1, 0.1]
    assert {task.epochs for task in study.tasks[:4]} == {9}
    assert [task.batch_size for task in study.tasks[4:]] == [8, 16]


def test_files_are_found_from_the_studys_folder(tmp_path, study_file, controller_file, monkeypatch):
    np.savez(tmp_path / "my.npz", x=np.random.default_rng(0).normal(size=(90, 2)), y=np.arange(90) % 2)
    (tmp_path / "c").mkdir()
    controller_file.rename(tmp_path / "c" / "own.safetensors")
    monkeypatch.chdir("/")
    text = 'name = "x"\nmethods = ["none", "c/own.safetensors"]\n[[tasks]]\ndata = "my.npz"\n'
    study = load_study(study_file(text))
    assert study.tasks[0].name == "my" and Path(study.tasks[0].data).samefile(tmp_path / "my.npz")
    assert [method.name for method in study.make_methods()] == ["none", "own"]


def test_what_is_resolved_is_the_same_study_when_read_again(study_file):
    study = load_study(study_file(SHORT))
    text = tomli_w.dumps(study.model_dump(mode="json", exclude_none=True))
    assert resolved(tomllib.loads(text), "again") == study


def test_more_methods_other_seeds_another_budget(study_file):
    study = load_study(study_file(SHORT), also=("constant:0.1", "none"), seeds=2, runs=3)
    assert study.methods[-2:] == ("tracking", "constant:0.1")
    assert (study.seeds, study.runs) == (2, 3)
    assert [method.width for method in study.make_methods() if method.name == "grid"] == [3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds = 5", "seeds = 0"), "seeds: Input should be greater than 0 (given: 0)"),
        (("seeds = 5", "sedes = 5"), "sedes: no such key; did you mean seeds or seed? there are"),
        (("label_noise = 0.2", "label_noise = 2.0"), "tasks.0.label_noise: Input should be less than 1"),
        (
            ("label_noise = 0.2", "label_noise = [0.2, 1.0]"),
            "tasks.0.label_noise: Input should be less than 1",
        ),
        (
            ("label_noise = 0.2", 'label_noise = "much"'),
            "tasks.0.label_noise: Input should be a valid number",
        ),
        (("label_noise = 0.2", "label_noise = []"), "tasks.0.label_noise: the list is empty"),
        (("label_noise = 0.2", "noise = 0.2"), "tasks.0.noise: no such key"),
        (('data = "wine"', 'data = "wines"'), "tasks.0.data: There is no data set called 'wines'"),
        (('data = "wine"', 'data = "absent.npz"'), "tasks.0.data: The file"),
        (('data = "wine"', "data = 3"), "tasks.0.data: give a name or a file"),
        (('data = "wine"\n', ""), "tasks.0.data: missing"),
        (("epochs = 200", "epochs = 2.5"), "tasks.0.epochs: Input should be a valid integer"),
        (("[[tasks]]", "[tasks]"), "tasks: give one table [[tasks]] or more"),
        (('methods = ["none",', "methods = [3,"), "methods.0: Input should be a valid string"),
        (('name = "mine"\n', ""), "name: Field required"),
        (("[[tasks]]", "[[tasks]"), "not valid TOML"),
    ],
)
def test_a_wrong_study_names_the_key(study_file, change, message):
    assert change[0] in SHORT
    with pytest.raises(InputError) as caught:
        load_study(study_file(SHORT.replace(*change)))
    assert message in str(caught.value) and "mine.toml" in str(caught.value)


def test_tasks_of_one_name_are_refused(study_file):
    with pytest.raises(InputError, match="two tasks are called 'wine, 20 % noise'"):
        load_study(study_file(SHORT + SHORT[SHORT.index("[[tasks]]") :].replace("200", "100")))


@pytest.mark.parametrize(
    ("methods", "message"),
    [('["nnoe"]', "did you mean none"), ('["grid"]', "compares with 'none', which is not among")],
)
def test_methods_that_do_not_fit(study_file, methods, message):
    text = SHORT.replace('["none", "early-stopping", "grid", "adaptive", "tracking"]', methods)
    with pytest.raises(InputError, match=message):
        load_study(study_file(text)).make_methods()


def test_unknown_studies_and_missing_files(tmp_path):
    with pytest.raises(
        InputError, match=r"unknown study 'quik': did you mean quick\? use one of budget, controllers, "
    ):
        load_study("quik")
    with pytest.raises(InputError, match="cannot be read"):
        load_study(str(tmp_path / "absent.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no text"):
        load_study(str(tmp_path / "bytes.toml"))


def test_sizes_of_images_are_known_without_their_files(study_file, monkeypatch):
    monkeypatch.setattr("rlflood.data.image_sets.ImageSet.places", lambda _: pytest.fail("looked for files"))
    text = 'name = "x"\ndiagnosed_seeds = 0\n[[tasks]]\ndata = ["fashion-mnist", "svhn"]\n'
    study = load_study(study_file(text + '[[tasks]]\ndata = "cifar10"\nnetwork = "resnet20"\n'))
    sizes = [(task.train_size, task.val_size, task.test_size) for task in study.tasks]
    assert sizes == [(200, 200, 5000), (200, 200, 5000), (40_000, 10_000, 10_000)]


def test_a_file_is_opened_only_for_a_size_that_is_missing(study_file):
    text = SHORT.replace('"wine"', '"absent.npz"').replace("val_size = 40", "val_size = 40\ntest_size = 30")
    (task,) = load_study(study_file(text)).tasks
    assert task.data.endswith("absent.npz") and task.test_size == 30
    with pytest.raises(InputError, match=r"tasks\.0\.data: The file .*absent\.npz does not exist"):
        load_study(study_file(text.replace("train_size = 60\n", "")))


@pytest.mark.parametrize("name", study_names())
def test_the_studies_that_come_with_the_package(name):
    study = load_study(name)
    assert study.name == name
    assert study.make_methods()
    assert not any(task.data.endswith(FILE_ENDINGS) for task in study.tasks)


def test_the_papers_table_is_the_papers():
    study = load_study("paper-table-2")
    assert len(study.tasks) == 9 and study.seeds == 10 and study.noisy_test
    assert {(task.data, task.label_noise) for task in study.tasks} == {
        (data, noise) for data in ("two-gaussians", "sinusoid", "spiral") for noise in (0.01, 0.05, 0.1)
    }
    (task, *_) = study.tasks
    assert (task.train_size, task.val_size, task.test_size, task.epochs) == (100, 100, 20_000, 500)
    assert task.hidden == (500,) * 5 and task.learning_rate == 1e-3 and not task.batch_norm
    grid = next(method for method in study.make_methods() if method.name == "grid")
    np.testing.assert_allclose(grid.levels, np.arange(51) / 100)
