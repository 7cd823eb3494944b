"""Options that several commands take."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rlflood.errors import InputError

if TYPE_CHECKING:
    from rlflood.training import Machine

Device = Annotated[str, typer.Option(help="Where to train: cpu, cuda, cuda:1 ...")]
Seed = Annotated[int, typer.Option(min=0, help="All randomness comes from it.")]
PrecisionOption = Annotated[
    str, typer.Option(help="float32, tf32, bfloat16, float16, or auto: bfloat16 where the hardware has it.")
]
Keep = Annotated[
    list[str] | None,
    typer.Option(help="A column that is a feature although it seems to number the rows; can be repeated."),
]
Encode = Annotated[
    bool, typer.Option("--encode", help="Make features of a file's columns of text, truth values and dates.")
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads, each training a part of the networks; all cores if not given."),
]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_core_a_thread() -> None:
    """Let PyTorch use one core for an operation: its own threads would wait for each other."""
    import torch

    torch.set_num_threads(1)


def machine_of(
    device: str, precision: str, threads: int | None, checkpoints: Path | None = None
) -> "Machine":
    """The machine that a command's options describe, made sure of.

    Raises:
        InputError: if there is no such device, it does not have the precision, or it is no processor and
            threads are given, which would change nothing.
    """
    one_core_a_thread()
    from rlflood.training import Machine, Precision

    machine = Machine(device, cast(Precision, precision), threads or cores(), checkpoints).check()
    if threads is not None and not machine.on_cpu:
        raise InputError(f"--threads is for training on the processor, not on {device}: leave it out")
    return machine
