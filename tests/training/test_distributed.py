import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed

from tests.training.ddp_process import HOLDS, train

FILE = Path(__file__).with_name("ddp_process.py")


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_give_what_one_gives(tmp_path):
    """Flooded by the loss of the whole batch: their own losses may lie on both sides of the level."""
    command = [sys.executable, str(FILE), str(tmp_path / "rendezvous")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GLOO_SOCKET_IFNAME": "lo"}
    running = [
        subprocess.Popen(
            [*command, str(rank), "2", str(tmp_path / f"{rank}.pt")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for number, hold in enumerate(HOLDS):
        alone = train(hold)
        for parts in (rank[number] for rank in found):
            torch.testing.assert_close(parts["metrics"], alone["metrics"], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(parts["changed"], alone["changed"], equal_nan=True)
            torch.testing.assert_close(parts["weights"], alone["weights"], rtol=1e-4, atol=1e-5)
