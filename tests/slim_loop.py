"""Steers a loop with nothing installed but NumPy, PyTorch and safetensors: ``python slim_loop.py``.

Run by a test, where all else is hidden, and by ``make slim`` on the wheel, where nothing else is there.
"""

import importlib
import subprocess
import sys

import torch
from torch import nn

import rlflood
from rlflood.control.shipped import shipped_controllers

EPOCHS = 6
ROOMS = {
    "data": "sklearn", "training": "pydantic", "envs": "gymnasium", "agents": "stable_baselines3",
    "experiments": "scipy, tomli_w", "cli": "rich, typer",
}  # fmt: skip
SCHEDULERS = {
    "constant": lambda: rlflood.ConstantFlood(0.5),
    "backward": lambda: rlflood.BackwardFlood(0.5),
    "adaptive": lambda: rlflood.AdaptiveFlood(),
    "dynamic": lambda: rlflood.DynamicFlood(),
    "hold": lambda: rlflood.HoldFlood(),
    "piecewise": lambda: rlflood.PiecewiseFlood(0.5, epochs=EPOCHS),
    "replay": lambda: rlflood.ReplayFlood([0.1] * EPOCHS),
    "rewind": lambda: rlflood.RewindFlood(epochs=EPOCHS),
    "tracking": lambda: rlflood.TrackingFlood(0.7),
    **{
        name: lambda name=name: rlflood.load_controller(name, epochs=EPOCHS, classes=3)
        for name in shipped_controllers()
    },
}


def steer(scheduler: rlflood.FloodScheduler) -> None:
    """A run of a small network under everything that a loop may use."""
    torch.manual_seed(0)
    x, y = torch.randn(40, 4), torch.randint(3, (40,))
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    meter, average = rlflood.Meter(scheduler), rlflood.WeightAverage(model, scheduler)
    best, plain = rlflood.BestWeights(model), nn.CrossEntropyLoss()
    criterion = None
    if scheduler.criterion != "cross-entropy":
        criterion = rlflood.RobustLoss(scheduler.criterion, scheduler, samples=40, classes=3)
    for _ in range(EPOCHS):
        logits = model(x)
        if criterion is None:
            loss = meter(plain(logits, y), logits, y)
        else:
            loss = criterion(logits, y, torch.arange(40))
            assert criterion.cross_entropy is not None
            meter.add(criterion.cross_entropy, logits, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        average.update()
        meter.validate(plain(model(x), y), model(x), y)
        metrics = meter.step()
        best.step(val_acc=float(metrics.val_acc), val_loss=float(metrics.val_loss))
        if scheduler.returns:
            best.put_back()
    scheduler.load_state_dict(scheduler.state_dict())


if __name__ == "__main__":
    for make in SCHEDULERS.values():
        steer(make())
    for room, packages in ROOMS.items():
        try:
            importlib.import_module(f"rlflood.{room}")
        except rlflood.InputError as error:
            assert f"rlflood.{room} needs {packages}" in str(error), error
            assert str(error).endswith("pip install rlflood"), error
        else:
            raise AssertionError(f"rlflood.{room} was imported: something is installed that should not be")
    done = subprocess.run([sys.executable, "-m", "rlflood", "list"], capture_output=True, text=True)
    assert done.returncode == 2 and "rlflood.cli needs rich, typer" in done.stderr, done
    assert "Traceback" not in done.stderr
    print(f"steered by {len(SCHEDULERS)} schedulers")
