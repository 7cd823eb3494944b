"""Commands on a person's own files: what is told of the data, what is left out, what is encoded."""

from pathlib import Path

import numpy as np
import pytest

from rlflood.experiments.study.folder import open_study
from tests.cli.processes import in_words

QUICK = ("--epochs", "3", "--hidden", "4", "--repeats", "2", "--against", "")


@pytest.fixture
def run(run):
    """Run a command in this process: its exit status, stdout and stderr in words."""

    def command(*arguments):
        status, *texts = run(*arguments)
        return status, *map(in_words, texts)

    return command


def table(rows=60, label=lambda i: ["no", "yes", "NA"][i // 20]):
    """Sorted by its labels, with an index, a text and a number."""
    rng = np.random.default_rng(0)
    lines = [f"{i},{'red' if i % 3 else 'blue'},{rng.normal():.3f},{label(i)}" for i in range(rows)]
    Path("my.csv").write_text("\n".join([",colour,x,label", *lines]) + "\n")


def test_the_index_is_left_out_classes_are_told_and_text_is_encoded(run):
    table()
    status, shown, error = run("rollout", "none", "--data", "my.csv", "--encode", *QUICK)
    assert status == 0
    assert "3 classes, 2 features" in shown
    assert "classes: NA 20, no 20, yes 20 (33.3 % are NA: the accuracy to beat)" in shown
    assert "20 of 60 samples are trained on; --train-size takes more" in shown
    assert error.count("warning: ") == 2
    assert "'Unnamed: 0' numbers the rows" in error and "--keep 'Unnamed: 0'" in error
    assert "'NA' (20) among the labels" in error


def test_keep_and_the_refusal_of_text(run):
    table(label=lambda i: "ab"[i % 2])
    status, shown, error = run("rollout", "none", "--data", "my.csv", "--keep", "Unnamed: 0", *QUICK)
    assert status == 2 and "the text 'blue' in row 1 (line 2), column 'colour'" in error
    assert "--encode" in error and "warning" not in error
    options = ("--keep", "Unnamed: 0", "--encode", *QUICK)
    status, shown, error = run("rollout", "none", "--data", "my.csv", *options)
    assert (status, error) == (0, "") and "3 features" in shown


def test_many_rows_are_used_in_mini_batches(run):
    np.savez("my.npz", x=np.random.default_rng(0).normal(size=(3000, 2)), y=np.arange(3000) % 2)
    status, shown, _ = run("rollout", "none", "--data", "my.npz", *QUICK)
    assert status == 0
    assert "1,800 of 3,000 samples are trained on" in shown and "takes more" not in shown
    assert "batches of 128" in shown
    status, shown, _ = run("rollout", "none", "--data", "my.npz", "--train-size", 200, *QUICK)
    assert "200 of 3,000 samples are trained on; --train-size takes more" in shown and "full batch" in shown


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8), (8, 8, 3)])
def test_images_of_ones_own_with_a_network_for_images(run, shape):
    np.savez(
        "my.npz", x=np.random.default_rng(0).integers(0, 255, (60, *shape), np.uint8), y=np.arange(60) % 2
    )
    options = ("--network", "cnn", "--epochs", 1, "--repeats", 1, "--against", "")
    status, shown, error = run("rollout", "none", "--data", "my.npz", *options)
    assert (status, error) == (0, "") and "network cnn" in shown and "crop-flip" in shown


def test_images_too_small_for_a_network(run):
    np.savez("my.npz", x=np.random.default_rng(0).normal(size=(60, 3, 9)), y=np.arange(60) % 2)
    options = ("--network", "cnn", "--epochs", 1, "--repeats", 1, "--against", "")
    status, _, error = run("rollout", "none", "--data", "my.npz", *options)
    assert status == 2 and "images of 3 x 9 are too small for cnn" in error


def test_explain_reads_the_same_columns_and_says_what_they_hold(run, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("rlflood.experiments.explain.explain_figures", lambda *_: iter(()))
    table(label=lambda i: "ab"[i % 2])
    options = ("--label-noise", "0", "--runs", 2, "--epochs", 20, "--hidden", 4)
    status, shown, error = run("explain", "default", "--data", "my.csv", "--encode", *options)
    assert status == 0 and "classes: a 30, b 30 (50.0 % are a: the accuracy to beat)" in shown
    assert error.count("warning: ") == 1
    status, _, error = run("explain", "default", "--encode")
    assert status == 2 and "--data" in error


def test_a_study_has_the_same_fields_and_warns_once(run):
    table(label=lambda i: "ab"[i % 2])
    task = 'data = "my.csv"\nencode = true\nhidden = [4]\nepochs = 2\nlabel_noise = [0.0, 0.2]\n'
    head = 'name = "x"\nseeds = 1\nmethods = ["none"]\ndiagnosed_seeds = 0\n'
    Path("mine.toml").write_text(f"{head}[[tasks]]\n{task}")
    status, _, error = run("benchmark", "mine.toml", "--out", "out", "--cores", 1)
    assert status == 0 and error.count("warning: ") == 1 and "numbers the rows" in error
    assert [(task.encode, task.keep) for task in open_study(Path("out")).tasks] == [(True, ())] * 2
    Path("mine.toml").write_text(f'{head}[[tasks]]\nkeep = ["Unnamed: 0"]\n{task}')
    status, _, error = run("benchmark", "mine.toml", "--out", "kept", "--cores", 1)
    assert status == 0 and "warning: " not in error
    assert open_study(Path("kept")).tasks[0].keep == ("Unnamed: 0",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my.xlsx", "spreadsheet: save it as CSV"),
        ("my.json", "JSON"),
        ("my.pkl", "could run code"),
        ("my.txt", "name it .csv"),
        ("my.foo", "ends in .npz, .csv, .tsv, .csv.gz, .tsv.gz or .parquet"),
    ],
)
def test_other_files_are_refused_in_words_that_name_them(run, name, message):
    Path(name).write_text("a,label\n")
    status, _, error = run("rollout", "none", "--data", name, *QUICK)
    assert status == 2 and message in error
