"""Steering where PyTorch is not installed: what a loop is told is what it is told where PyTorch is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rlflood.control.shipped import shipped_controllers
from rlflood.schedulers import FloodScheduler
from tests import torch_free_loop

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told_without() -> dict[str, Any]:
    """What the controllers say in a process that cannot import PyTorch."""
    path = os.pathsep.join([str(ROOT / "tests" / "slim"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "WITHOUT_TORCH": "yes"}
    command = [sys.executable, str(ROOT / "tests" / "torch_free_loop.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def flood_a_batch(scheduler: FloodScheduler) -> None:
    loss = torch.tensor(1.0)
    scheduler(loss, plain=None if scheduler.criterion == "cross-entropy" else loss)


@pytest.mark.filterwarnings("ignore:A run under PolicyScheduler was left")  # where it is interrupted
@pytest.mark.parametrize("name", shipped_controllers())
def test_every_controller_says_the_same_bit_for_bit(name: str, told_without: dict[str, Any]) -> None:
    told = [torch_free_loop.steer(name, seed, flood_a_batch) for seed in range(torch_free_loop.RUNS)]
    assert told_without[name] == told
    levels = {level for run in told for level, *_ in run}
    assert len(levels) > 2, "it steers"


def test_returns_strengths_and_averages_are_among_it(told_without: dict[str, Any]) -> None:
    strengths, returns, begins = (
        {epoch[place] for runs in told_without.values() for run in runs for epoch in run}
        for place in (1, 2, 3)
    )
    assert len(strengths) > 3 and returns == begins == {False, True}
