"""A script as two processes that train together."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch


def states_of_two_processes(script: Path, folder: Path) -> list[Any]:
    """What each of two processes of a script has saved.

    Args:
        script: Takes the file to meet at, its rank, how many processes there are, and the file to save to.
        folder: For these files.
    """
    command = [sys.executable, str(script), str(folder / "rendezvous")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GLOO_SOCKET_IFNAME": "lo"}
    running = [
        subprocess.Popen(
            [*command, str(rank), "2", str(folder / f"{rank}.pt")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
