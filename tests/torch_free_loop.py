"""Steers runs with nothing installed but NumPy and safetensors: ``python torch_free_loop.py``.

Run by a test, where all else is hidden, and by ``make slim`` on the wheel, where nothing else is there. It
prints what each shipped controller said, epoch by epoch, as JSON; the test compares it with what a loop of
PyTorch is told.
"""

import importlib.util
import json
import sys
from typing import Any

import numpy as np

import rlflood
from rlflood.control.shipped import shipped_controllers

EPOCHS, RUNS = 40, 4
MISSING = float("nan")


def curves(seed: int) -> list[dict[str, float]]:
    """What is reported of a run that learns and, most often, overfits; now and then a number is missing."""
    rng = np.random.default_rng(seed)
    turn, noise, rise = rng.integers(5, 25), rng.uniform(0, 0.1), rng.uniform(0, 0.1)
    reports = []
    for epoch in range(EPOCHS):
        learned = 1 - np.exp(-(epoch + 1) / turn)
        losses = 2.3 - 2.2 * learned, 2.3 - learned + rise * max(0, epoch - turn)
        losses = [loss * rng.uniform(1 - noise, 1 + noise) for loss in losses]
        shares = np.clip([0.1 + 0.9 * learned, 0.1 + 0.5 * learned + 0.05 * rng.random()], 0, 1)
        train_loss, val_loss = (MISSING if rng.random() < 0.03 else float(loss) for loss in losses)
        reports.append(
            {
                "train_loss": train_loss, "train_acc": float(shares[0]),
                "val_loss": val_loss, "val_acc": float(shares[1]),
            }
        )  # fmt: skip
    return reports


def said(scheduler: Any) -> list[Any]:
    """All that a loop goes by in an epoch."""
    return [
        scheduler.level,
        scheduler.strength,
        bool(np.any(scheduler.returns)),
        bool(np.any(scheduler.begins)),
    ]


def steer(name: str, seed: int, every_batch: Any = None) -> list[list[Any]]:
    """What a controller says, epoch by epoch; ``every_batch`` is called with the scheduler in each epoch."""
    scheduler = rlflood.load_controller(name, epochs=EPOCHS, classes=10)
    heard = []
    for number, report in enumerate(curves(seed)):
        heard.append(said(scheduler))
        if every_batch is not None:
            every_batch(scheduler)
        if not scheduler.needs_validation and number % 2:
            report = {key: report[key] for key in ("train_loss", "train_acc")}
        scheduler.step(**report)
        if number == EPOCHS // 2:  # interrupted, and gone on with
            state = json.loads(json.dumps(scheduler.state_dict()))
            scheduler = rlflood.load_controller(name, epochs=EPOCHS, classes=10)
            scheduler.load_state_dict(state)
    return [*heard, said(scheduler)]


def main() -> None:
    """Steer runs by all controllers; make sure that what needs PyTorch says so."""
    assert importlib.util.find_spec("torch") is None
    told = {name: [steer(name, seed) for seed in range(RUNS)] for name in shipped_controllers()}
    assert rlflood.Controller and rlflood.Hold and rlflood.Metrics
    scheduler = rlflood.HoldFlood()
    for asked, needs in (
        (lambda: rlflood.flood, "rlflood.flood"),
        (lambda: scheduler(1.0), "calling a scheduler"),
    ):
        try:
            asked()
        except rlflood.InputError as error:
            assert str(error).startswith(f"{needs}") and str(error).endswith("pip install torch"), error
        else:
            raise AssertionError(f"{needs} needs PyTorch")
    print(json.dumps(told))
    print(f"steered by {len(told)} controllers without PyTorch", file=sys.stderr)


if __name__ == "__main__":
    main()
