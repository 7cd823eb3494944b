"""The public dynamic rule."""

import numpy as np
import pytest

from rlflood.metrics import Metrics, Values
from rlflood.schedulers import DynamicFlood


def after(val_loss: Values, val_acc: Values) -> Metrics:
    return Metrics(np.ones_like(val_loss), np.ones_like(val_loss), val_loss, val_acc)


def test_up_while_the_validation_loss_is_well_above_its_best() -> None:
    scheduler = DynamicFlood()
    assert scheduler.level == 0
    losses, accuracies = [1.0, 0.8, 0.91, 0.92, 0.93, 0.8, 2.0], np.linspace(0.5, 0.56, 7)
    levels = [scheduler.step(after(*epoch)) for epoch in zip(losses, accuracies, strict=True)]
    assert levels == pytest.approx([0, 0, 0, 0.05, 0.1, 0.1, 0.15])  # 0.92 is 1.15 times 0.8


def test_never_above_four_tenths() -> None:
    scheduler = DynamicFlood()
    levels = [scheduler.step(after(1.0 if k == 0 else 2.0, k / 100)) for k in range(12)]
    assert levels[-1] == max(levels) == pytest.approx(0.4)


def test_down_after_eight_epochs_without_gain_and_never_below_0() -> None:
    scheduler = DynamicFlood()
    scheduler.step(after(1.0, 0.5))
    raised = [scheduler.step(after(2.0, 0.6 + k / 100)) for k in range(2)]
    assert raised == pytest.approx([0.05, 0.1])
    levels = [scheduler.step(after(1.0, 0.6)) for _ in range(26)]
    assert levels == pytest.approx([0.1] * 7 + [0.05] * 8 + [0.0] * 11)


def test_what_is_no_number_is_no_gain_and_no_rise() -> None:
    scheduler = DynamicFlood(replicas=2)
    scheduler.step(after(np.array([np.nan, 1.0]), np.array([np.nan, 0.5])))
    np.testing.assert_array_equal(
        scheduler.step(after(np.array([0.5, 2.0]), np.array([0.5, 0.6]))), [0, 0.05]
    )
    np.testing.assert_array_equal(
        scheduler.step(after(np.array([0.6, 1.0]), np.array([0.6, 0.7]))), [0.05] * 2
    )
