"""What stands around the figures of a comparison."""

import dataclasses

import numpy as np

from rlflood.data import facts_of
from rlflood.experiments import rows
from rlflood.experiments.report.text.wording import describe_setting, explanation
from rlflood.training import Task


def test_the_task_is_told_with_every_size(setting):
    data, training = describe_setting(setting.task, facts_of("wine"), setting.repeats)
    assert data == (
        "wine: 3 classes, 13 features, 20 % label noise; "
        "40 training, 40 validation and all other test samples; "
        "training and validation labels are wrong in that share"
    )
    assert training == "network 16, adam 0.02, full batch, 12 epochs, 3 repeats"


def test_mini_batches_batch_norm_and_a_single_repeat_are_told():
    task = Task(data="wine", batch_norm=True, batch_size=32, hidden=(8, 4), test_size=9)
    data, training = describe_setting(task, facts_of("wine"), 1)
    assert data.endswith("and 9 test samples"), "without label noise no label is wrong"
    assert training == "network 8-4 with batch norm, adam 0.001, batches of 32, 200 epochs, 1 repeat"


def test_of_data_that_nothing_is_known_of_less_is_told():
    task = Task(data="/gone/mine.npz", test_size=9)
    data, _ = describe_setting(task, None, 1)
    assert data == "mine.npz: 0 % label noise; 100 training, 100 validation and 9 test samples"


def test_one_of_a_kind_is_told_in_the_singular(tmp_path):
    np.savez(tmp_path / "one.npz", x=np.random.default_rng(0).normal(size=(60, 1)), y=np.arange(60) % 2)
    task = Task(data=str(tmp_path / "one.npz"), train_size=20, val_size=20, epochs=1, hidden=(4,))
    data, training = describe_setting(task, task.source().facts, 1)
    assert "2 classes, 1 feature, " in data
    assert training.endswith("1 epoch, 1 repeat")


def test_noisy_test_labels_are_told_as_such(records):
    clean, noisy = (explanation(records, rows(records, noisy=kind), noisy=kind)[0] for kind in (False, True))
    assert "clean labels;" in clean and "clean" not in noisy
    assert "noisy labels, wrong in the same share as those of training" in noisy


def test_runs_that_diverged_are_told_with_their_method(records):
    none, tracking = records[0], records[2]
    assert not any("diverged" in line for line in explanation(records, rows(records), noisy=False))
    val_loss = tracking.val_loss.copy()
    val_loss[[0, 2], -1] = np.nan, np.inf
    lines = explanation(
        [none, dataclasses.replace(tracking, val_loss=val_loss)], rows([none, tracking]), noisy=False
    )
    assert lines[-1].startswith("‡: 2 of 3 runs of tracking diverged: their loss was no longer finite")
    assert not any("none" in line for line in lines)


def test_the_star_is_explained_where_there_is_one_and_the_grid_says_what_it_picked(records):
    better = dataclasses.replace(
        records[1], test_acc_last=records[0].test_acc_last + np.array([0.10, 0.11, 0.12])
    )
    none = records[0]
    lines = explanation([none, better], rows([none, better]), noisy=False)
    assert "clean labels; mean ± 95 % interval over 3 repeats" in lines[0]
    assert any(line.startswith("*:") for line in lines)
    for picked, told in (([2, 4, 3], "0.1 to 0.2, 0.15 on average, from"), ([4, 4, 4], "0.2 from")):
        searched = dataclasses.replace(
            better, search=dataclasses.replace(better.search, final=np.array(picked))
        )
        last = explanation([none, searched], rows([none, searched]), noisy=False)[-1]
        assert last == f"grid picked a level of {told} 11 runs with up to 0.5."
    assert not any("*:" in line or "picked" in line for line in explanation([none], rows([none]), noisy=True))


def test_methods_that_never_flooded_are_told_to_be_none(records):
    none, tracking = records[0], records[2]
    calm = dataclasses.replace(none, method="default")
    assert none.method == "none" and tracking.levels.any() and not none.levels.any()
    told = (
        "default never set a level above 0, so these are the runs of none: nothing was seen to overfit. "
        "Longer runs may."
    )
    for together, expected in (
        ([none, calm, tracking], told),
        (
            [none, calm, dataclasses.replace(calm, method="rewind")],
            told.replace("default", "default and rewind"),
        ),
    ):
        assert explanation(together, rows(together), noisy=False)[-1] == expected
    early = dataclasses.replace(none, method="early-stopping", test_acc_last=none.test_acc_last + 0.1)
    decay = dataclasses.replace(none, method="weight-decay", train_loss=none.train_loss * 1.01)
    for together in ([none, early, decay, tracking], [calm, tracking]):
        assert not any("above 0" in line for line in explanation(together, rows(together), noisy=False))
