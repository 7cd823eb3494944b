"""Where results were made: versions, machine, revision."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlflood import __version__
from rlflood.training import Machine

_LIBRARIES = ("scikit-learn", "scipy", "gymnasium", "stable-baselines3", "optuna", "torchvision")


def environment(machine: Machine) -> dict[str, Any]:
    """What a result depends on besides its study, in plain values."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["rlflood", *sys.argv[1:]]),
        "versions": versions(),
        "commit": _commit(),
        "machine": _machine(machine.device),
        "device": machine.device,
        "precision": machine.precision,
        "threads": machine.threads,
    }


def versions() -> dict[str, str]:
    """The versions that a result depends on; of optional libraries, those that are installed."""
    found = {
        "rlflood": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _machine(device: str) -> dict[str, Any]:
    machine = {"system": platform.system(), "architecture": platform.machine(), "cores": os.cpu_count()}
    machine["processor"] = _processor()
    if torch.device(device).type == "cuda":
        machine["accelerator"] = torch.cuda.get_device_name(device)
    return machine


def _processor() -> str:
    """The processor's name, as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str | None:
    """The revision of rlflood's source, if it runs from a checkout; "+" where files have changed since."""
    folder = Path(__file__).parents[3]
    if not (folder / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", "rlflood") else "")
    except (OSError, subprocess.SubprocessError):
        return None
