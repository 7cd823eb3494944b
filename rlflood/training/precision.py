"""The number format of forward and backward passes."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

from rlflood.errors import InputError

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Resolved = Literal["float32", "bfloat16", "float16"]
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_precision(precision: Precision, device: torch.device) -> Resolved:
    """What ``auto`` stands for on ``device``: bfloat16 where the hardware multiplies it, else float32.

    A processor without bfloat16 instructions emulates them, tens of times slower than float32. float16 is for
    GPUs older than bfloat16, and for networks of images only, whose trainer scales the loss for it.

    Raises:
        InputError: if ``precision`` is none of the four.
    """
    if precision not in get_args(Precision):
        raise InputError(f"unknown precision {precision!r}: use one of {', '.join(get_args(Precision))}")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # torch.cpu.get_capabilities is newer than our lowest torch; without it stay with what is always right
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "float32"


def autocast(precision: Resolved, device: torch.device) -> AbstractContextManager[object]:
    """The context in which a forward pass runs; weights, loss and optimizer stay in float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])
