"""What a person may ask an estimator for."""

from pathlib import Path
from typing import Any

import pytest

import rlflood
from rlflood.control.shipped import controller_file
from rlflood.errors import InputError
from rlflood.integrations.scheduler import make_scheduler
from rlflood.schedulers import PolicyScheduler


def test_the_rule_as_it_comes() -> None:
    made = make_scheduler("hold", epochs=5, classes=3)
    assert isinstance(made, rlflood.HoldFlood) and made.fraction == rlflood.HoldFlood().fraction


@pytest.mark.parametrize("flood", ["robust", controller_file("robust"), str(controller_file("robust"))])
def test_a_controller_by_its_name_and_by_its_file(flood: str | Path) -> None:
    made = make_scheduler(flood, epochs=5, classes=3)
    assert isinstance(made, PolicyScheduler)
    assert (made.epochs, made.classes, made.criterion) == (5, 3, "elr")


def test_a_function_is_told_the_epochs_and_the_classes() -> None:
    made = make_scheduler(
        lambda epochs, classes: rlflood.ConstantFlood(epochs / classes), epochs=6, classes=4
    )
    assert made.level == 1.5


@pytest.mark.parametrize(
    ("flood", "message"),
    [
        (rlflood.HoldFlood(), "is neither"),
        (rlflood.HoldFlood, "is neither"),
        (0.1, "0.1 is neither"),
        (None, "None is neither"),
        (lambda epochs, classes: 0.1, "returns no scheduler"),
        ("robost", "did you mean robust"),
        ("gone.safetensors", "gone.safetensors"),
    ],
)
def test_anything_else_is_told(flood: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_scheduler(flood, epochs=5, classes=3)
