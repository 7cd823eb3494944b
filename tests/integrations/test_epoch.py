"""What every adapter logs of an epoch, by hand."""

from typing import Any

import numpy as np
import pytest
import torch

import rlflood
from rlflood.best_weights import BestWeights
from rlflood.integrations.epoch import end_epoch

LOGITS, LABEL = torch.tensor([[1.0, 0.0]]), torch.tensor([0])


def test_of_a_rule() -> None:
    scheduler = rlflood.ConstantFlood(0.5)
    meter = rlflood.Meter(scheduler)
    for loss in (0.9, 0.1, 0.3, 0.9):
        meter(torch.tensor(loss), LOGITS, LABEL)
    assert end_epoch(scheduler, meter, None) == {
        "flood_level": 0.5, "raw_train_loss": pytest.approx(0.55), "ascended": 0.5
    }  # fmt: skip
    meter.add(torch.tensor(0.3), LOGITS, LABEL)  # flooded elsewhere
    assert np.isnan(end_epoch(scheduler, meter, None)["ascended"])


def test_of_a_controller() -> None:
    class Left(rlflood.PolicyScheduler):
        left_to_rule = np.ones(1, bool)

    for kind, left in ((rlflood.PolicyScheduler, 0.0), (Left, 1.0)):
        shipped = rlflood.load_controller("default", epochs=2, classes=2)
        scheduler = kind(shipped.controller, epochs=2, classes=2)
        meter = rlflood.Meter(scheduler)
        meter(torch.tensor(0.9), LOGITS, LABEL)
        meter.validate(torch.tensor(0.7), LOGITS, LABEL)
        assert end_epoch(scheduler, meter, None) == {
            "flood_level": 0.0, "raw_train_loss": pytest.approx(0.9), "ascended": 0.0, "left_to_rule": left,
        }  # fmt: skip


class Returning(rlflood.ConstantFlood):
    returns: Any = np.ones(1, bool)


def test_the_best_weights_go_back_where_the_scheduler_says_so() -> None:
    model = torch.nn.Linear(2, 2)
    scheduler, best = Returning(0.5), BestWeights(model)
    meter = rlflood.Meter(scheduler)
    for label in (0, 1):  # right, then wrong
        with torch.no_grad():
            model.bias.fill_(label)
        meter.add(torch.tensor(0.9), LOGITS, LABEL)
        meter.validate(torch.tensor(0.7), LOGITS, torch.tensor([label]))
        end_epoch(scheduler, meter, best)
    assert model.bias.tolist() == [0, 0]
