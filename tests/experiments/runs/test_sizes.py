"""How a task on a person's own file is filled in: in one place, for roll-outs, explanations and studies."""

import numpy as np
import pytest

from rlflood.experiments.explain import data_set
from rlflood.experiments.runs.sizes import own_defaults, task_fields
from rlflood.experiments.study.file import load_study, resolved
from rlflood.training import Task


@pytest.mark.parametrize(
    ("samples", "sizes", "batch_size", "epochs"),
    [
        (90, (30, 30, 30), None, None),  # few: as a named data set
        (91, (30, 30, 31), None, None),
        (600, (200, 200, 200), None, None),
        (1000, (600, 200, 200), None, None),
        (1666, (1000, 333, 333), None, None),
        (10_000, (6000, 2000, 2000), 128, 200),
        (50_000, (30_000, 10_000, 10_000), 128, 66),
        (200_000, (150_000, 10_000, 40_000), 512, 20),
        (3_000_000, (2_390_000, 10_000, 600_000), 1024, 20),
    ],
)
def test_all_samples_are_used_and_many_in_mini_batches(samples, sizes, batch_size, epochs):
    filled = own_defaults(samples, {})
    assert tuple(filled[name] for name in ("train_size", "val_size", "test_size")) == sizes
    assert (filled.get("batch_size"), filled.get("epochs")) == (batch_size, epochs)


@pytest.mark.parametrize("samples", [6, 599, 600, 601, 999, 4999, 5000, 49_999, 50_001])
def test_every_sample_has_a_split_and_none_jumps(samples):
    names = ("train_size", "val_size", "test_size")
    now, more = (np.array([own_defaults(n, {})[name] for name in names]) for n in (samples, samples + 1))
    assert now.sum() == samples and more.sum() == samples + 1
    assert np.abs(more - now).max() <= 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"train_size": 5000}, (5000, 10_000, 185_000, 128, 200)),
        ({"train_size": 500}, (500, 10_000, 189_500, None, None)),
        ({"val_size": 1000}, (159_000, 1000, 40_000, 512, 20)),
        ({"test_size": 1000}, (189_000, 10_000, 1000, 512, 20)),
        ({"epochs": 5}, (150_000, 10_000, 40_000, 512, 5)),
        ({"batch_size": 64}, (150_000, 10_000, 40_000, 64, 20)),
        ({"network": "cnn", "batch_size": 128, "epochs": 500}, (150_000, 10_000, 40_000, 128, 500)),
        (
            {"train_size": 5000, "val_size": 100, "test_size": 100, "epochs": 9},
            (5000, 100, 100, None, 9),
        ),
    ],
)
def test_what_is_given_is_kept(given, expected):
    filled = {**given, **own_defaults(200_000, given)}
    names = ("train_size", "val_size", "test_size", "batch_size", "epochs")
    assert tuple(filled.get(name) for name in names) == expected


def test_no_batch_is_left_with_one_sample():
    for samples in range(1667, 6000, 7):
        filled = own_defaults(samples, {})
        assert filled["train_size"] % filled["batch_size"] != 1


def test_roll_outs_explanations_and_studies_have_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("my.npz", x=np.random.default_rng(0).normal(size=(4000, 2)), y=np.arange(4000) % 2)
    (tmp_path / "mine.toml").write_text('name = "x"\n[[tasks]]\ndata = "my.npz"\n')
    rollout = Task(**task_fields(None, {"data": "my.npz"}))
    explained = data_set("my.npz", None, None, None)[0].task
    study = load_study("mine.toml")
    for task in (explained, study.tasks[0]):
        assert (task.train_size, task.val_size, task.batch_size) == (2400, 800, 128)
        assert (rollout.train_size, rollout.val_size, rollout.batch_size) == (2400, 800, 128)
    # a study that is written down is the same when it is read again, whatever its batch size
    for batch_size in (None, 64):
        kept = study.tasks[0].model_copy(update={"batch_size": batch_size})
        content = study.model_copy(update={"tasks": (kept,)}).model_dump(mode="json", exclude_none=True)
        assert resolved(content, "again").tasks == (kept,)


def test_named_data_sets_are_as_they_were():
    fields = task_fields(None, {"data": "digits"})
    assert fields == {"data": "digits", "train_size": 200, "val_size": 200, "test_size": 1397}
