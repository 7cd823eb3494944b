"""The controllers that come with rlflood: their files, their cards, and what they have learned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlflood
from rlflood.agents import Preset
from rlflood.control import Controller
from rlflood.control.features import COURSES
from rlflood.control.shipped import controller_card, shipped_controllers
from rlflood.metrics import Metrics
from rlflood.training import Task, make_population
from rlflood.validation import validated

NAMES = tuple(shipped_controllers())
SPECS = {name: Controller.load(file).spec for name, file in shipped_controllers().items()}
BY_THE_TURN = [name for name, spec in SPECS.items() if spec.levels.unit == "turning-point"]
BLIND = [name for name, spec in SPECS.items() if not spec.needs_validation]
REAL = {"digits", "breast-cancer", "wine", "fashion-mnist"}
PAPER = {"two-gaussians", "sinusoid", "sinusoid-10d", "sinusoid-disc", "spiral"}


def test_default_is_shipped():
    assert "default" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_says_where_it_comes_from(name):
    controller = Controller.load(shipped_controllers()[name])
    card = controller_card(name)
    for part in ("rlflood train", "Trained on", "Limits", "seed"):
        assert part in card
    preset = validated(Preset, controller.provenance["preset"], name)
    # what is reported on was never trained on
    assert not (REAL | PAPER) & set(preset.tasks.families)
    assert controller.provenance["episodes"] > 0
    assert shipped_controllers()[name].stat().st_size < 2_000_000


@pytest.mark.parametrize("name", BLIND)
@settings(max_examples=20, deadline=None)
@given(epochs=st.integers(1, 40), classes=st.sampled_from([2, 10, 100]), seed=st.integers(0, 999))
def test_what_sees_no_validation_sets_shares_of_guessing_and_asks_for_none(name, epochs, classes, seed):
    rng = np.random.default_rng(seed)
    scheduler = rlflood.load_controller(name, epochs=epochs, classes=classes)
    possible = np.array(SPECS[name].levels.values) * np.log(classes)
    assert not scheduler.needs_validation and not scheduler.returning
    for _ in range(epochs):
        assert np.isclose(scheduler.level, possible).any()
        assert not SPECS[name].strengths or scheduler.strength in SPECS[name].strengths
        scheduler.step(train_loss=rng.random() * np.log(classes), train_acc=rng.random())


@pytest.mark.parametrize("name", BY_THE_TURN)
@settings(max_examples=20, deadline=None)
@given(
    epochs=st.integers(1, 60),
    classes=st.sampled_from([None, 2, 10, 100]),
    seed=st.integers(0, 999),
    broken=st.booleans(),
)
def test_levels_are_multiples_of_the_train_loss_at_the_turning_point_whatever_the_run(
    name, epochs, classes, seed, broken
):
    rng = np.random.default_rng(seed)
    if SPECS[name].observation in COURSES:  # which needs the number
        classes = classes or 2
    scheduler = rlflood.load_controller(name, epochs=epochs, classes=classes)
    highest = SPECS[name].levels.values[-1]
    best, train_loss_at_best, turned, fresh = np.inf, 0.0, False, False
    assert scheduler.level == 0
    for _ in range(epochs):
        train_loss, train_acc, val_loss, val_acc = rng.random(4) * (3, 1, 3, 1)
        if broken and rng.random() < 0.3:
            train_loss, val_loss = np.nan, np.inf
        level = scheduler.step(Metrics(train_loss, train_acc, val_loss, val_acc))
        # the epoch after the best begins with the network that was best
        if fresh and np.isfinite(train_loss):
            train_loss_at_best = train_loss
        fresh = val_loss < best
        if fresh:
            best, train_loss_at_best = val_loss, train_loss
        turned |= val_loss > 1.1 * best
        assert 0 <= level <= (highest * train_loss_at_best + 1e-12 if turned else 0)


@pytest.mark.parametrize("name", ["default"])
def test_it_knows_noise_from_difficulty(name):
    """Hard problems of families that it never saw, clean and with 40 % of the labels wrong.

    The clean ones have a validation loss as high as easy noisy problems; flooding them alike costs accuracy.
    """
    problems = [
        ("decision-tree", {"classes": 3, "dimensions": 8, "depth": 4}),
        ("checkerboard", {"classes": 2, "dimensions": 3, "squares": 4}),
        ("rings", {"classes": 4, "dimensions": 5, "rings": 1}),
    ]
    base = Task(hidden=(48, 48), train_size=120, val_size=80, test_size=400, epochs=100, learning_rate=5e-3)
    tasks, seeds = [], []
    for noise in (0.0, 0.4):
        for family, options in problems:
            update = {"data": family, "data_options": options, "label_noise": noise}
            tasks += [base.model_copy(update=update)] * 12
            seeds += range(12)
    accuracies, levels = {}, []
    for steered in (True, False):
        trainer = make_population(tasks, seeds, seeds)
        scheduler = rlflood.load_controller(name, epochs=base.epochs, classes=trainer.classes)
        for _ in range(base.epochs):
            level = np.broadcast_to(scheduler.level if steered else 0.0, len(tasks))
            levels.append(level)
            scheduler.step(trainer.run_epoch(level))
        accuracies[steered] = trainer.evaluate("test").clean_accuracy.reshape(2, -1)
    # what it costs where flooding is of no use: most on the fine checkerboard, see the notebook
    clean, noisy = (accuracies[True] - accuracies[False]).mean(axis=1)
    assert clean > -0.03 and noisy > 0
    # the same problems, data and initialisations, but for the labels
    clean, noisy = np.mean(levels[: base.epochs], axis=0).reshape(2, -1)
    assert (noisy > clean).mean() > 2 / 3
    assert noisy.mean() > 2 * clean.mean()
