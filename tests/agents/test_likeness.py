"""Presets whose tasks have the sizes of other data."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlflood.agents import Preset, alike, load_preset
from rlflood.agents.likeness import (
    MOST_CLASSES,
    MOST_FEATURES,
    MOST_IMBALANCE,
    MOST_MULTIPLICATIONS,
    MOST_SAMPLES,
    MOST_STEPS,
)
from rlflood.data import Facts
from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.training.distribution import Mixture

DEFAULT = load_preset("default")
SMALL = Task(hidden=(32, 16), train_size=80, val_size=60, batch_size=20, epochs=60, learning_rate=0.02)
FACTS = Facts("mine", classes=3, features=7, size=200)
COUNTS = {"a": 120, "b": 60, "c": 20}


def drawn(preset: Preset, number: int = 40) -> list[Task]:
    rng = np.random.default_rng(0)
    return [preset.tasks.draw(rng) for _ in range(number)]


def test_what_is_small_enough_is_taken_over_and_nothing_is_told() -> None:
    made = alike(DEFAULT, SMALL, FACTS, COUNTS)
    assert made.like is not None
    assert made.like.model_dump() == {
        "data": SMALL.data,
        "samples": 200, "features": 7, "classes": 3, "imbalance": 6.0, "capped": (),
    }  # fmt: skip
    for task in drawn(made):
        assert task.data in DEFAULT.tasks.families
        splits = task.split(0)
        assert splits.classes == 3 and splits.features == 7
        assert (len(splits.train), len(splits.val)) == (80, 60)
        assert (task.hidden, task.batch_size, task.epochs, task.learning_rate) == ((32, 16), 20, 60, 0.02)
    assert made.tasks.imbalance == 6.0
    # all that is no matter of size is the preset's
    changed = {"tasks", "like"}
    assert made.model_dump(exclude=changed) == DEFAULT.model_dump(exclude=changed)
    for name in ("clean_share", "label_noise"):
        assert getattr(made.tasks, name) == getattr(DEFAULT.tasks, name)


def test_what_is_too_large_is_cut_and_told() -> None:
    large = Task(
        data="/home/me/mine.csv",
        hidden=(500,) * 5,
        train_size=6000,
        val_size=2000,
        batch_size=128,
        epochs=300,
    )
    facts = Facts("/home/me/mine.csv", classes=30, features=784, size=10_000)
    made = alike(DEFAULT, large, facts, {str(i): 1000 if i else 10 for i in range(30)})
    base, like = made.tasks.base, made.like
    assert like is not None and like.data == "mine.csv", "folders are a person's own affair"
    assert made.tasks.classes == (20, 20) and made.tasks.dimensions == (64, 64)
    assert made.tasks.imbalance == MOST_IMBALANCE and like.imbalance == 100
    assert (base.train_size, base.val_size, base.hidden) == (100, 100, (48, 48, 48))
    # 47 mini-batches an epoch would be of two samples: ten are the fewest
    assert base.batch_size == 10
    # weights 64*48 + 2 * 48*48 + 48*20 = 8640, times 3 * 100 + 100 samples
    assert base.epochs == MOST_MULTIPLICATIONS // (8640 * 400) == 57
    assert like.capped == (
        "20 classes instead of 30",
        "64 features instead of 784",
        "the classes' imbalance 20 instead of 100",
        "100 training samples instead of 6,000",
        "100 validation samples instead of 2,000",
        "hidden layers of 48-48-48 instead of 500-500-500-500-500",
        "mini-batches of 10 instead of 128",
        "57 epochs instead of 300",
    )


@given(
    classes=st.integers(2, 50), features=st.integers(1, 2000), train=st.integers(50, 5000),
    val=st.integers(50, 5000), epochs=st.integers(20, 500), batch=st.none() | st.integers(1, 600),
    hidden=st.lists(st.integers(1, 600), max_size=6), batch_norm=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_tasks_are_small_whatever_they_are_like(
    classes: int, features: int, train: int, val: int, epochs: int, batch: int | None, hidden: list[int],
    batch_norm: bool,
) -> None:  # fmt: skip
    if batch is not None and batch_norm and (batch == 1 or train % batch == 1):
        batch_norm = False
    task = Task(
        hidden=tuple(hidden),
        train_size=train,
        val_size=val,
        epochs=epochs,
        batch_size=batch,
        batch_norm=batch_norm,
    )
    made = alike(DEFAULT, task, Facts("mine", classes, features, None), None)
    base = made.tasks.base
    assert base.train_size <= MOST_SAMPLES and base.val_size <= MOST_SAMPLES
    assert made.tasks.classes[0] <= MOST_CLASSES and made.tasks.dimensions[0] <= MOST_FEATURES
    assert base.steps <= MOST_STEPS or base.epochs == DEFAULT.decisions
    assert DEFAULT.decisions <= base.epochs <= epochs
    (one,) = drawn(made, 1)
    splits = one.split(1)
    assert splits.classes == min(classes, MOST_CLASSES) and splits.features == min(max(2, features), 64)


def test_families_that_have_no_such_problems_are_left_out() -> None:
    tasks = Mixture(families=("spiral", "two-gaussians", "patterns", "rings"))
    own = DEFAULT.model_copy(update={"tasks": tasks})
    assert alike(own, SMALL, FACTS, None).tasks.families == ("rings",)
    two = Facts("mine", classes=2, features=5, size=100)
    made = alike(own, SMALL, two, None)
    assert made.tasks.families == ("two-gaussians", "rings")
    assert {task.source().features for task in drawn(made)} == {5}
    none = DEFAULT.model_copy(update={"tasks": Mixture(families=("spiral", "two-gaussians"))})
    with pytest.raises(InputError, match=r"no family of the preset \(spiral, two-gaussians\) has 3 classes"):
        alike(none, SMALL, FACTS, None)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"epochs": 5}, InputError, "20 decisions do not fit into 5 epochs"),
        ({"network": "cnn", "hidden": (100, 100, 100)}, ValueError, "for perceptrons, not for cnn"),
    ],
)
def test_what_cannot_be_made_is_told(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        alike(DEFAULT, SMALL.model_copy(update=changes), FACTS, None)
