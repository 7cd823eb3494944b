"""What a meter tells a scheduler: the same as a loop that computes everything by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import rlflood
from rlflood.errors import InputError


class Told(rlflood.ConstantFlood):
    """Keeps what it is told."""

    def __init__(self, level: float = 0.5, *, needs_validation: bool = True) -> None:
        super().__init__(level)
        self.needs_validation = needs_validation
        self.reports: list[dict[str, Any]] = []

    def step(self, *arguments: Any, **metrics: Any) -> Any:
        self.reports.append(metrics)
        return super().step(*arguments, **metrics)


def test_levels_and_losses_are_those_of_a_plain_loop() -> None:
    """Batches of unequal sizes, a model that trains, beside a second one that is steered by hand."""
    torch.manual_seed(0)
    x, y = torch.randn(50, 4), torch.randint(3, (50,))
    batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 50, 16)]
    models = [nn.Linear(4, 3), nn.Linear(4, 3)]
    models[1].load_state_dict(models[0].state_dict())
    schedulers = [rlflood.TrackingFlood(0.9) for _ in models]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    criterion = nn.CrossEntropyLoss()
    meter = rlflood.Meter(schedulers[0])
    for _ in range(6):
        raw, hits = 0.0, 0
        for xs, ys in batches:
            logits = models[0](xs)
            meter(criterion(logits, ys), logits, ys).backward()
            logits = models[1](xs)
            loss = criterion(logits, ys)
            schedulers[1](loss).backward()
            raw, hits = raw + loss.item() * len(ys), hits + int((logits.argmax(1) == ys).sum())
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
        with torch.no_grad():
            for xs, ys in batches:
                meter.validate(criterion(models[0](xs), ys), models[0](xs), ys)
            logits = models[1](x)
        meter.step()
        schedulers[1].step(
            train_loss=raw / 50,
            train_acc=hits / 50,
            val_loss=criterion(logits, y),
            val_acc=(logits.argmax(1) == y).float().mean(),
        )
        assert schedulers[0].level == pytest.approx(schedulers[1].level, rel=1e-6)
    assert schedulers[0].level > 0
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(2, 5), st.integers(0, 99))
def test_means_are_over_samples_whatever_the_batches(sizes: list[int], classes: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(sum(sizes), classes, generator=rng)
    targets = torch.randint(classes, (sum(sizes),), generator=rng)
    meter = rlflood.Meter(rlflood.ConstantFlood(0.1))
    for rows, labels in zip(logits.split(sizes), targets.split(sizes), strict=True):
        meter.add(functional.cross_entropy(rows, labels), rows, labels)
        meter.validate(functional.cross_entropy(rows, labels), rows, labels)
    found = meter.step()
    assert (
        found.train_loss
        == found.val_loss
        == pytest.approx(functional.cross_entropy(logits, targets).item(), rel=1e-5)
    )
    assert (
        found.train_acc
        == found.val_acc
        == pytest.approx((logits.argmax(1) == targets).double().mean().item())
    )


def test_an_epoch_begins_anew() -> None:
    scheduler = Told()
    meter = rlflood.Meter(scheduler)
    logits, right, wrong = torch.tensor([[2.0, 0.0]]), torch.tensor([0]), torch.tensor([1])
    for labels in (right, wrong):
        meter.add(torch.tensor(0.25), logits, labels)
        meter.validate(torch.tensor(0.75), logits, labels)
        meter.step()
    assert [report["train_acc"] for report in scheduler.reports] == [1, 0]
    assert meter.metrics is not None and meter.metrics.val_acc == 0


@pytest.mark.parametrize("needs_validation", [True, False])
def test_an_epoch_without_validation_is_told_as_such(needs_validation: bool) -> None:
    scheduler = Told(needs_validation=needs_validation)
    meter = rlflood.Meter(scheduler)
    meter.add(torch.tensor(0.5), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
    found = meter.step()
    expected: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.5}
    assert scheduler.reports == [expected | ({"val_loss": None, "val_acc": None} if needs_validation else {})]
    assert math.isnan(found.val_loss) and math.isnan(found.val_acc)


@pytest.mark.parametrize(
    ("logits", "targets", "accuracy"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], [1, 1], 0.5),
        ([0.3, -0.3, 2.0], [1, 0, 0], 2 / 3),
        ([[0.3], [-0.3]], [1.0, 1.0], 0.5),
        ([[0.3], [-0.3]], [[1.0], [0.0]], 1.0),
        ([[1.0, 2.0], [2.0, 1.0]], [[0.1, 0.9], [0.3, 0.7]], 0.5),
        ([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0]], [1, -100, 1], 1.0),
        # a prediction at each place: (1 sample, 2 classes, 3 places)
        ([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]], [[0, 1, 0]], 2 / 3),
    ],
)  # fmt: skip
def test_accuracies_by_hand(logits: list[Any], targets: list[Any], accuracy: float) -> None:
    meter = rlflood.Meter(rlflood.ConstantFlood(0.1))
    meter.add(torch.tensor(0.4), torch.tensor(logits), torch.tensor(targets))
    found = meter.step()
    assert found.train_acc == pytest.approx(accuracy) and found.train_loss == pytest.approx(0.4)


def test_a_batch_of_which_nothing_counts_changes_nothing() -> None:
    logits, ignored = torch.zeros(2, 3), torch.tensor([-100, -100])
    meter = rlflood.Meter(rlflood.ConstantFlood(0.1))
    meter.add(functional.cross_entropy(logits, ignored), logits, ignored)  # NaN: a mean of nothing
    meter.add(torch.tensor(0.2), torch.eye(3)[:2], torch.tensor([0, 1]))
    found = meter.step()
    assert found.train_loss == pytest.approx(0.2) and found.train_acc == 1


def test_sums_of_half_precision_are_in_double() -> None:
    meter = rlflood.Meter(rlflood.ConstantFlood(0.1))
    logits, labels = torch.zeros(1000, 2, dtype=torch.float16), torch.zeros(1000, dtype=torch.int64)
    for _ in range(100):
        meter.add(torch.tensor(0.1, dtype=torch.float16), logits, labels)
    assert meter.step().train_loss == pytest.approx(float(np.float16(0.1)), rel=1e-3)


def test_under_a_robust_loss_the_cross_entropy_is_counted() -> None:
    scheduler = rlflood.ConstantFlood(0.1)
    criterion, meter = rlflood.RobustLoss("gce", scheduler), rlflood.Meter(scheduler)
    logits, labels = torch.randn(8, 3), torch.randint(3, (8,))
    criterion(logits, labels)
    assert criterion.cross_entropy is not None
    meter.add(criterion.cross_entropy, logits, labels)
    assert meter.step().train_loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-6)


def test_what_cannot_be_counted_is_told() -> None:
    meter = rlflood.Meter(rlflood.ConstantFlood(0.1))
    with pytest.raises(InputError, match="counted no batch of training"):
        meter.step()
    with pytest.raises(InputError, match=r'reduction="mean"'):
        meter(torch.ones(3), torch.ones(3, 2), torch.ones(3, dtype=torch.int64))
    with pytest.raises(InputError, match=r"shape \(3, 2\) do not fit targets of shape \(2,\)"):
        meter(torch.tensor(1.0), torch.ones(3, 2), torch.ones(2, dtype=torch.int64))
    with pytest.raises(InputError, match="steers 3: give its step"):
        rlflood.Meter(rlflood.ConstantFlood(np.full(3, 0.1)))
