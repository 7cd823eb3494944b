"""States of schedulers, saved in the middle of a run by the code of their time, go on as they did then.

``2.json`` is of the commit before version 0.2, without a history; ``1.json`` and ``2-first.json`` are older,
of no release, and lack what a running mean or an average goes by: they are refused in words.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlflood import schedulers
from rlflood.schedulers import FloodScheduler

FOLDER = Path(__file__).parent
CURVES: dict[str, Any] = json.loads((FOLDER / "controllers" / "expected.json").read_text())
EPOCHS: int = CURVES["epochs"]
MAKERS: dict[str, Callable[[], FloodScheduler]] = {
    "AdaptiveFlood": schedulers.AdaptiveFlood,
    "BackwardFlood": lambda: schedulers.BackwardFlood(0.3, threshold=0.2),
    "ConstantFlood": lambda: schedulers.ConstantFlood(0.3),
    "DynamicFlood": schedulers.DynamicFlood,
    "HoldFlood": schedulers.HoldFlood,
    "PiecewiseFlood": lambda: schedulers.PiecewiseFlood(0.4, epochs=EPOCHS),
    "PolicyScheduler": lambda: schedulers.PolicyScheduler(
        FOLDER / "controllers" / "2.safetensors", epochs=EPOCHS, classes=np.array(CURVES["classes"])
    ),
    "ReplayFlood": lambda: schedulers.ReplayFlood([0.0, 0.2, 0.4] * 20),
    "RewindFlood": lambda: schedulers.RewindFlood(epochs=EPOCHS),
    "TrackingFlood": lambda: schedulers.TrackingFlood(0.7),
}


def saved(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "states" / f"{name}.json").read_text())["schedulers"]
    return found


def test_there_is_a_state_of_every_scheduler() -> None:
    kinds = {getattr(schedulers, name) for name in schedulers.__all__} - {FloodScheduler}
    assert {kind.__name__ for kind in kinds if isinstance(kind, type)} == set(saved("2")) == set(MAKERS)


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_state_goes_on_as_it_did_when_it_was_saved(kind: str) -> None:
    was = saved("2")[kind]
    scheduler = MAKERS[kind]()
    scheduler.load_state_dict(was["state"])
    flooded, levels = [], []
    for epoch in range(was["state"]["epoch"], EPOCHS):
        metrics = {name: np.array(values[epoch]) for name, values in CURVES["metrics"].items()}
        if kind != "PolicyScheduler":
            metrics = {name: float(values[0]) for name, values in metrics.items()}
        loss = torch.tensor(metrics["train_loss"], dtype=torch.float32)
        flooded.append(scheduler(loss).tolist())
        levels.append(scheduler.step(**metrics))
    np.testing.assert_allclose(levels, was["levels"], rtol=1e-6)
    np.testing.assert_allclose(flooded, was["flooded"], rtol=1e-5)
    np.testing.assert_array_equal(scheduler.history.epoch, np.arange(was["state"]["epoch"], EPOCHS) + 1)


@pytest.mark.parametrize("kind", sorted(saved("1")))
def test_a_state_of_version_1_is_refused_in_words(kind: str) -> None:
    with pytest.raises(ValueError, match=r"has the version 1, this rlflood reads 2: .* another version"):
        MAKERS[kind]().load_state_dict(saved("1")[kind]["state"])


@pytest.mark.parametrize("kind", sorted(saved("2-first")))
def test_a_first_state_of_version_2_is_refused_in_words(kind: str) -> None:
    with pytest.raises(ValueError, match=rf"The state of a {kind} has the entries .*'walk'.*, but this one"):
        MAKERS[kind]().load_state_dict(saved("2-first")[kind]["state"])
