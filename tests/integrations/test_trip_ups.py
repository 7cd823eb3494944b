"""What users of flooding trip over: the lines of the page on one's own loop, and the tests of each."""

import ast
import copy
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import rlflood

ROOT = Path(__file__).parents[2]
HERE = "integrations/test_trip_ups.py"
LIGHTNING, TRANSFORMERS, SKORCH = (
    f"integrations/test_{name}.py" for name in ("lightning", "transformers", "skorch")
)
SAME, EVALUATION = "test_it_does_what_a_plain_loop_does", "test_evaluation_is_not_flooded"
BORNE_OUT = {
    "The level takes dozens": {
        "schedulers/test_hold.py": ["test_a_run_by_hand", "test_a_run_that_never_turns_is_never_flooded"],
        HERE: ["test_one_run_finds_its_level"],
    },
    "A level does not carry over": {
        HERE: ["test_losses_of_another_scale_have_levels_of_that_scale"],
        "control/test_observation.py": ["test_problems_of_different_class_counts_look_alike"],
    },
    "A vector of losses": {
        "schedulers/test_base.py": ["test_a_loss_that_is_no_mean_is_noticed"],
        SKORCH: ["test_a_loss_that_is_no_mean_is_refused"],
        LIGHTNING: ["test_what_cannot_be_flooded_is_refused"],
    },
    "The level meets a loss": {
        "test_flooding.py": ["test_flooding_a_micro_batch_comes_before_the_division_for_accumulation"],
        HERE: ["test_a_scaled_gradient_is_the_flooded_one"],
        LIGHTNING: [SAME],
        TRANSFORMERS: [SAME],
        "integrations/test_plain_pytorch.py": ["test_the_program_does_what_a_plain_loop_does"],
        "integrations/test_accelerate.py": ["test_the_program_does_what_a_plain_loop_does"],
    },
    "Evaluation is flooded": {LIGHTNING: [EVALUATION], TRANSFORMERS: [EVALUATION], SKORCH: [EVALUATION]},
    "The flooded loss is computed": {HERE: ["test_a_raw_loss_that_is_differentiated_shows"]},
    "The flooded loss is reported": {
        "schedulers/test_reports.py": [
            "test_flooded_losses_reported_as_train_losses_are_noticed_once",
            "test_raw_losses_whose_mean_stays_above_the_level_are_not_taken_for_flooded_ones",
        ],
    },
    "The loss never comes down": {
        HERE: ["test_a_level_that_is_never_reached_shows"],
        "schedulers/test_ascents.py": ["test_each_batch_by_itself"],
        "integrations/test_epoch.py": ["test_of_a_rule", "test_of_a_controller"],
    },
    "Processes whose losses": {
        "schedulers/test_batches.py": ["test_two_processes_go_by_the_mean_of_both"],
        "integrations/test_plain_pytorch.py": ["test_two_processes_under_torchrun_do_what_one_does"],
        "integrations/test_accelerate.py": ["test_two_processes_are_one_with_batches_twice_as_large"],
    },
    "A compiled function keeps": {
        "schedulers/test_base.py": ["test_a_compiled_function_sees_the_changed_level_without_recompiling"],
        "schedulers/test_batches.py": ["test_a_compiled_function_goes_by_the_mean_without_recompiling"],
    },
    "Lightning's callbacks": {
        LIGHTNING: [
            SAME, "test_the_sanity_check_does_not_count", "test_an_epoch_without_validation_is_no_stale_one",
            "test_what_cannot_be_flooded_is_refused",
            "test_the_average_of_lightning_beside_ours_is_warned_of",
        ],
    },
    "A resumed run": {
        LIGHTNING: ["test_a_resumed_fit_is_one_that_never_stopped"],
        TRANSFORMERS: ["test_a_resumed_training_is_one_that_never_stopped"],
        "integrations/test_accelerate.py": ["test_a_run_that_was_stopped_goes_on_bit_for_bit"],
        "integrations/test_plain_pytorch.py": ["test_a_run_that_was_stopped_goes_on_bit_for_bit"],
    },
    "The Trainer's loss": {
        TRANSFORMERS: [SAME, "test_the_accuracy_of_training_is_counted_though_the_trainer_has_none"],
    },
    "skorch clones": {
        SKORCH: [
            SAME, "test_each_fit_has_a_scheduler_of_its_own_and_partial_fit_goes_on",
            "test_a_search_over_schedulers", "test_without_a_validation_split_only_what_needs_none",
            "test_an_optimizer_that_asks_for_several_gradients_a_batch_gets_flooded_ones",
        ],
        "integrations/test_scikit_learn.py": [SAME],
    },
    "The last epoch is deployed": {
        "test_weight_average.py": ["test_it_is_the_mean_since_the_beginning_and_exponential_before"],
        "schedulers/test_state.py": ["test_a_run_that_is_left_while_it_is_held_is_noticed"],
        LIGHTNING: ["test_patience_and_another_length_are_warned_of"],
        TRANSFORMERS: ["test_patience_and_another_length_are_warned_of"],
    },
}  # fmt: skip
"""How a line of the page begins, and its tests."""


def test_every_line_of_the_page_has_its_tests() -> None:
    page = (ROOT / "docs" / "how-to" / "own-loop.md").read_text()
    section = page.partition("## What goes wrong")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (?!What goes wrong|---)(.*?) \|", section, re.MULTILINE)
    assert len(lines) == len(BORNE_OUT)
    for line, (beginning, tests) in zip(lines, BORNE_OUT.items(), strict=True):
        assert line.startswith(beginning)
        for file, names in tests.items():
            tree = ast.parse((ROOT / "tests" / file).read_text())
            defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert set(names) <= defined, f"{file} has not {set(names) - defined}"


def problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network that memorises forty labels, a third of them drawn at random."""
    torch.manual_seed(0)
    x, y = torch.randn(40, 8), torch.randint(3, (40,))
    x[:27] += 2 * functional.one_hot(y[:27], 8)
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3)), x, y


def trained(
    scheduler: rlflood.FloodScheduler, epochs: int, *, differentiate_raw: bool = False
) -> list[float]:
    """The share of the batches that went up in each epoch of a run."""
    model, x, y = problem()
    optimizer, meter, shares = torch.optim.Adam(model.parameters(), lr=0.02), rlflood.Meter(scheduler), []
    for _ in range(epochs):
        for xs, ys in zip(x.split(10), y.split(10), strict=True):
            logits = model(xs)
            loss = functional.cross_entropy(logits, ys)
            flooded = meter(loss, logits, ys)
            optimizer.zero_grad()
            (loss if differentiate_raw else flooded).backward()
            optimizer.step()
        meter.validate(torch.tensor(1.0), torch.zeros(1, 3), torch.zeros(1, dtype=torch.long))
        meter.step()
        assert isinstance(scheduler.ascended, float)
        shares.append(scheduler.ascended)
    return shares


def levels(scheduler: rlflood.FloodScheduler, classes: int, scale: float = 1.0) -> Any:
    """Of a run whose validation loss falls for ten epochs and rises then; its train loss goes on falling.

    Accuracies are as far above chance, and losses as far below that of guessing, whatever the classes.
    """
    acc, scale = 1 / classes + (1 - 1 / classes) * np.array([0.7, 0.4]), scale * math.log(classes)
    for epoch in range(40):
        scheduler.step(
            train_loss=scale * (1 - epoch / 40), train_acc=acc[0],
            val_loss=scale * (0.7 + abs(epoch - 10) / 20), val_acc=acc[1],
        )  # fmt: skip
    return scheduler.history.level


def test_one_run_finds_its_level() -> None:
    for scheduler in (rlflood.HoldFlood(), rlflood.load_controller("default", epochs=40, classes=3)):
        found = levels(scheduler, 3)
        assert (found[:10] == 0).all() and found.max() > 0.1


def test_losses_of_another_scale_have_levels_of_that_scale() -> None:
    """Of a criterion that is three times as large, and of problems of more classes."""
    plain = levels(rlflood.HoldFlood(), 3)
    assert plain.max() > 0
    np.testing.assert_allclose(levels(rlflood.HoldFlood(), 3, scale=3.0), 3 * plain)
    for name in ("default", "blind"):
        few, many = (
            levels(rlflood.load_controller(name, epochs=40, classes=classes), classes) for classes in (3, 30)
        )
        assert few.max() > 0
        np.testing.assert_allclose(many, few * math.log(30) / math.log(3), err_msg=name)


def test_a_scaled_gradient_is_the_flooded_one() -> None:
    """Flooded, then scaled: what comes out is the gradient times the side of the raw loss."""
    for level, side in ((0.01, 1.0), (50.0, -1.0)):
        model, x, y = problem()
        plain = copy.deepcopy(model)
        functional.cross_entropy(plain(x), y).backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        scheduler = rlflood.ConstantFlood(level)
        scaler.scale(scheduler(functional.cross_entropy(model(x), y))).backward()
        scaler.unscale_(optimizer)
        for mine, theirs in zip(model.parameters(), plain.parameters(), strict=True):
            assert mine.grad is not None and theirs.grad is not None
            torch.testing.assert_close(mine.grad, side * theirs.grad)


def test_a_raw_loss_that_is_differentiated_shows() -> None:
    right, wrong = (rlflood.ConstantFlood(0.3) for _ in range(2))
    shares, wrong_shares = trained(right, 40), trained(wrong, 40, differentiate_raw=True)
    assert wrong_shares[-10:] == [1.0] * 10 and wrong.history.train_loss[-1] < 0.1
    assert 0 < np.mean(shares[-10:]) < 0.8 and right.history.train_loss[-10:].mean() > 0.2


def test_a_level_that_is_never_reached_shows() -> None:
    assert trained(rlflood.ConstantFlood(1e-4), 10) == [0.0] * 10


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_the_share_is_what_a_loop_counts(level: float) -> None:
    counted = []

    class Counting(rlflood.ConstantFlood):
        def __call__(self, loss: torch.Tensor, **options: object) -> torch.Tensor:
            counted.append(loss.item() < level)
            return super().__call__(loss)

    shares = trained(Counting(level), 20)
    np.testing.assert_allclose(shares, np.reshape(counted, (20, 4)).mean(1))
