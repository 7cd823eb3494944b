"""Which machine it is, and what its card can do at most."""

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import torch

from benchmarks.gpu.allowance import Allowance, Found
from rlflood.training import Machine, PopulationTrainer, Task
from rlflood.training.precision import Resolved, autocast, matrix_products

_PACKAGES = ("torch", "numpy", "gymnasium", "stable-baselines3", "triton")
FORMATS: tuple[Resolved, ...] = ("float32", "tf32", "bfloat16")


def formats(device: str) -> tuple[Resolved, ...]:
    """The number formats to measure."""
    return FORMATS if device != "cpu" else ("float32", "bfloat16")


def machine(allowance: Allowance) -> None:
    """Versions, the card, its driver and its limits."""
    found = _versions(allowance.device)
    allowance.report(found)
    found["limits"] = limits(allowance)
    allowance.report(found)


def _versions(device: str) -> Found:
    found: Found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "cuda": torch.version.cuda,
    }
    if device == "cpu":
        return found
    card = torch.cuda.get_device_properties(device)
    found["card"] = {
        "name": card.name,
        "capability": [card.major, card.minor],
        "multiprocessors": card.multi_processor_count,
        "memory": card.total_memory,
    }
    found["cudnn"] = torch.backends.cudnn.version()
    if shutil.which("nvidia-smi"):
        asked = [
            "nvidia-smi",
            "--query-gpu=driver_version,clocks.max.sm,power.limit",
            "--format=csv,noheader",
        ]
        found["nvidia-smi"] = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def limits(allowance: Allowance) -> Found:
    """TFLOP/s of a large matrix product in each format, and GB/s of a copy, bytes read and written."""
    size, copied = (64, 1 << 16) if allowance.tiny else (8192, 1 << 30)
    device = torch.device(allowance.device)
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    tflops = {}
    for name in formats(allowance.device):
        with torch.no_grad(), matrix_products(name), autocast(name, device):
            # the weights' own type: autocast would cast both sides in each product
            left, right = (part.bfloat16() if name == "bfloat16" else part for part in (a, b))
            tflops[name] = 2 * size**3 / seconds_of(lambda x=left, y=right: x @ y, allowance) / 1e12
    source = torch.zeros(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = seconds_of(lambda: target.copy_(source), allowance)
    return {"tflops": tflops, "copy_gb_a_second": 2 * copied / copy / 1e9}


def seconds_of(work: Callable[[], object], allowance: Allowance, *, least: float = 1.0) -> float:
    """Seconds that ``work`` takes, the mean of as many calls as fill ``least`` seconds."""
    work()
    allowance.wait()
    least = 0.0 if allowance.tiny else min(least, max(0.1, allowance.left / 4))
    began, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        if calls & (calls - 1) == 0 or calls % 16 == 0:  # to wait is to leave the device idle for a while
            allowance.wait()
            if time.perf_counter() - began >= least:
                return (time.perf_counter() - began) / calls


def warm_up(device: str) -> None:
    """Load what PyTorch loads when it is first asked for, so that no measurement has it."""
    trainer = PopulationTrainer(
        [Task(hidden=(4,), test_size=10)] * 2, [0, 0], [0, 1], machine=Machine(device)
    )
    for _ in range(3):
        trainer.run_epoch(0.1)
