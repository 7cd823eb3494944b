"""The number format of forward and backward passes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any, Literal, get_args

import torch

from rlflood.errors import InputError

Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
Resolved = Literal["float32", "tf32", "bfloat16", "float16"]
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

_lock = Lock()  # of the next two: who is inside of matrix_products, and what was set before the first
_inside: list[Resolved] = []
_before: list[bool] = []


def resolve_precision(precision: Precision, device: torch.device) -> Resolved:
    """What ``auto`` stands for on ``device``: bfloat16 where the hardware multiplies it, else float32.

    A processor without bfloat16 instructions emulates them, tens of times slower than float32. float16 is for
    GPUs older than bfloat16, and for networks of images only, whose trainer scales the loss for it. tf32 is
    float32 with the matrix products of NVIDIA's tensor cores, which round their inputs to 10 bits.

    Raises:
        InputError: if ``precision`` is none of the five, or tf32 on another device than a GPU.
    """
    if precision not in get_args(Precision):
        raise InputError(f"unknown precision {precision!r}: use one of {', '.join(get_args(Precision))}")
    if precision == "tf32" and device.type != "cuda":
        raise InputError(f"tf32 is a format of NVIDIA's GPUs, not of {device.type}: use float32 or auto")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # torch.cpu.get_capabilities is newer than our lowest torch; without it stay with what is always right
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "float32"


def autocast(precision: Resolved, device: torch.device) -> AbstractContextManager[object]:
    """The context in which a forward pass runs; weights, loss and optimizer stay in float32."""
    if precision in ("float32", "tf32"):
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


@contextmanager
def matrix_products(precision: Resolved) -> Iterator[None]:
    """The context of forward and backward passes: products and convolutions in TF32, or in float32 itself.

    PyTorch takes TF32 for convolutions, and not for other products, where nobody says what they are to be in.
    The half formats leave that as it is. What is set is the whole process's: networks that are trained on
    several threads at once have one precision, and the last of them puts back what was there.
    """
    if precision not in ("float32", "tf32"):
        yield
        return
    with _lock:
        if not _inside:
            _before[:] = [backend.allow_tf32 for backend in _backends()]
        _inside.append(precision)
        for backend in _backends():
            backend.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                for backend, allowed in zip(_backends(), _before, strict=True):
                    backend.allow_tf32 = allowed


def _backends() -> tuple[Any, ...]:
    return torch.backends.cuda.matmul, torch.backends.cudnn
