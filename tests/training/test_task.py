import json

import numpy as np
import pytest
from pydantic import ValidationError

from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.validation import validated


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label_noise": 1.0}, "label_noise: Input should be less than 1 (given: 1.0)"),
        ({"label_noise": -0.1}, "label_noise: Input should be greater than or equal to 0 (given: -0.1)"),
        ({"train_size": 0}, "train_size: Input should be greater than 0 (given: 0)"),
        ({"val_size": 2.5}, "val_size: "),
        ({"test_size": -1}, "test_size: Input should be greater than 0 (given: -1)"),
        ({"hidden": (100, 0)}, "hidden.1: Input should be greater than 0 (given: 0)"),
        ({"optimizer": "lion"}, "optimizer: Input should be 'adam', 'adamw' or 'sgd' (given: 'lion')"),
        ({"learning_rate": 0.0}, "learning_rate: Input should be greater than 0 (given: 0.0)"),
        ({"learning_rate": float("inf")}, "learning_rate: Input should be a finite number (given: inf)"),
        ({"learning_rate": float("nan")}, "learning_rate: Input should be a finite number (given: nan)"),
        ({"weight_decay": float("inf")}, "weight_decay: Input should be a finite number (given: inf)"),
        ({"momentum": 1.0}, "momentum: Input should be less than 1 (given: 1.0)"),
        ({"dropout": 1.0}, "dropout: Input should be less than 1 (given: 1.0)"),
        ({"dropout": -0.1}, "dropout: Input should be greater than or equal to 0 (given: -0.1)"),
        ({"criterion": "mse"}, "criterion: Input should be 'cross-entropy', 'gce', 'sce', 'elr', "),
        (
            {"strength": 0.5},
            "the whole: the cross-entropy has no strength: leave it out, or use one of the criteria gce, ",
        ),
        (
            {"criterion": "gce", "strength": 0},
            "the whole: the strength of gce, its q, must be finite and above 0 and at most 1: got 0.0",
        ),
        (
            {"criterion": "gce", "strength": 1.1},
            "the whole: the strength of gce, its q, must be finite and above 0 and at most 1: got 1.1",
        ),
        (
            {"criterion": "sce", "strength": -1},
            "the whole: the strength of sce, its beta, must be finite and at least 0: got -1.0",
        ),
        (
            {"criterion": "label-smoothing", "strength": 1},
            "the whole: the strength of label-smoothing, its r, must be finite and below 1: got 1.0",
        ),
        (
            {"criterion": "sam", "strength": 0},
            "the whole: the strength of sam, its rho, must be finite and above 0: got 0.0",
        ),
        ({"batch_size": 0}, "batch_size: Input should be greater than 0 (given: 0)"),
        ({"epochs": 0}, "epochs: Input should be greater than 0 (given: 0)"),
        ({"epoch": 3}, "epoch: no such key; did you mean epochs? there are augmentation, batch_norm, "),
    ],
)
def test_bad_values_are_named_with_their_key_and_value(values, message):
    with pytest.raises(InputError) as caught:
        validated(Task, values, "task x.toml")
    assert str(caught.value).startswith(f"task x.toml: {message}")


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError, match=r"the task: train_size: .*; epochs: "):
        validated(Task, {"train_size": 0, "epochs": 0}, "the task")


@pytest.mark.parametrize(("train_size", "batch_size"), [(101, 100), (101, 50), (100, 1), (1, None), (1, 8)])
def test_batch_norm_refuses_a_batch_of_one_sample_before_training_begins(train_size, batch_size):
    values = {"train_size": train_size, "batch_size": batch_size}
    assert validated(Task, values, "the task").train_size == train_size
    with pytest.raises(InputError, match="batch normalisation needs two samples or more in every mini-batch"):
        validated(Task, {**values, "batch_norm": True}, "the task")


@pytest.mark.parametrize(("train_size", "batch_size"), [(102, 100), (100, None), (50, 100), (100, 50)])
def test_batch_norm_with_two_samples_or_more_is_fine(train_size, batch_size):
    assert Task(train_size=train_size, batch_size=batch_size, batch_norm=True).batch_norm


def test_a_task_is_frozen_and_goes_through_json():
    task = Task(data="spiral", data_options={"noise": 0.5}, hidden=(3, 4), batch_size=7)
    with pytest.raises(ValidationError):
        task.epochs = 3
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task.model_validate(json.loads(json.dumps(task.model_dump()))) == task


def test_the_data_seed_alone_decides_the_data():
    task = Task(data="blobs", label_noise=0.2, train_size=30, val_size=20, test_size=10)
    first, again, other = task.split(1), task.split(1), task.split(2)
    np.testing.assert_array_equal(first.train.x, again.train.x)
    np.testing.assert_array_equal(first.val.y, again.val.y)
    assert not np.array_equal(first.train.x, other.train.x)
    assert (len(first.train), len(first.val), len(first.test)) == (30, 20, 10)
    assert np.count_nonzero(first.train.y != first.train.y_clean) == 6


def test_everything_but_the_data_and_the_strength_is_in_the_stack_key():
    task = Task()
    for other in (
        {"data": "spiral", "data_options": {"noise": 0.1}, "label_noise": 0.3},
        {"data": "a.csv", "target": "y", "keep": ("id",), "encode": True},
        {"strength": 0.3},
    ):
        assert task.model_copy(update=other).stack_key == task.stack_key
    free = {"data", "data_options", "target", "keep", "encode", "label_noise", "strength"}
    for name in set(Task.model_fields) - free:
        assert task.model_copy(update={name: "another"}).stack_key != task.stack_key, name


def test_data_that_cannot_be_had_are_an_input_error():
    with pytest.raises(InputError, match="no data set called"):
        Task(data="nonsense").split(0)
    with pytest.raises(InputError):
        Task(data="wine", train_size=5000).split(0)


def test_fields_for_few_files_are_dumped_only_where_they_are_given() -> None:
    """Checkpoints are found, and studies compared, by what a task consists of: as before there were these."""
    assert not {"keep", "encode", "criterion", "strength"} & Task().model_dump().keys()
    task = Task(data="my.csv", keep=("n",), encode=True, criterion="label-smoothing", strength=0.0)
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task(**task.model_dump()) == task


def test_a_cosine_falls_from_the_rate_to_nothing() -> None:
    """By hand: (1 + cos(pi * epoch / 4)) / 2."""
    task = Task(learning_rate=0.2, epochs=4, lr_cosine=True)
    rates = [task.learning_rate_in(epoch) for epoch in range(4)]
    assert rates == pytest.approx([0.2, 0.2 * 0.8535534, 0.1, 0.2 * 0.1464466])
    with pytest.raises(ValidationError, match="two schedules"):
        Task(lr_cosine=True, lr_milestones=(0.5,))
    assert "lr_cosine" not in Task().model_dump(), "older studies are the same without it"


@pytest.mark.parametrize(("batch_size", "steps"), [(None, 6), (30, 24), (100, 6), (33, 24)])
def test_steps_of_a_run(batch_size: int | None, steps: int) -> None:
    assert Task(train_size=100, batch_size=batch_size, epochs=6).steps == steps


JOINED = {"train_size": 60, "val_size": 40, "test_size": 30, "label_noise": 0.2}


def test_joined_the_validation_samples_are_trained_on_with_their_labels_as_they_are() -> None:
    """A generator, which scales nothing: the same samples, labels and wrong labels as apart."""
    apart = Task(data="blobs", **JOINED)
    whole, joined = apart.split(3), apart.model_copy(update={"joined": True}).split(3)
    for name in ("x", "y", "y_clean"):
        both = np.concatenate([getattr(whole.train, name), getattr(whole.val, name)])
        np.testing.assert_array_equal(getattr(joined.train, name), both)
        np.testing.assert_array_equal(getattr(joined.val, name), getattr(whole.val, name))
        np.testing.assert_array_equal(getattr(joined.test, name), getattr(whole.test, name))


def test_joined_features_are_standardised_by_all_that_is_trained_on() -> None:
    apart = Task(data="breast-cancer", **JOINED)
    whole, joined = apart.split(3), apart.model_copy(update={"joined": True}).split(3)
    assert len(joined.train) == 100
    np.testing.assert_allclose(joined.train.x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(joined.train.x.std(axis=0), 1, rtol=1e-4)
    np.testing.assert_array_equal(joined.val.x, joined.train.x[60:])
    np.testing.assert_array_equal(joined.train.y, np.concatenate([whole.train.y, whole.val.y]))
    # the same samples, on another scale: features of the two are a line apart
    for own, other in zip(joined.test.x.T, whole.test.x.T, strict=True):
        assert np.corrcoef(own, other)[0, 1] == pytest.approx(1, abs=1e-4)


def test_what_follows_from_the_size_follows_the_joined_one() -> None:
    task = Task(**JOINED, batch_size=25, epochs=3)
    joined = Task(**JOINED, batch_size=25, epochs=3, joined=True)
    assert (task.train_samples, joined.train_samples) == (60, 100)
    assert (task.steps, joined.steps) == (9, 12)
    assert joined.stack_key != task.stack_key
    assert "joined" not in task.model_dump() and joined.model_dump()["joined"] is True
    assert Task(**joined.model_dump()) == joined
    odd = {**JOINED, "train_size": 61, "batch_size": 50, "batch_norm": True}
    Task(**odd)
    with pytest.raises(ValidationError, match="101 in batches of 50 leave one alone"):
        Task(**odd, joined=True)
