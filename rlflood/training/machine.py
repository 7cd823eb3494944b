"""Where networks are trained: the device, the number format, the threads."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from rlflood.errors import InputError
from rlflood.training.precision import Precision, Resolved, resolve_precision


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and how networks are trained; what they become is said by tasks and seeds.

    Attributes:
        device: ``cpu``, ``cuda``, ``cuda:1`` ...
        precision: ``float32``, ``tf32``, ``bfloat16``, ``float16``, or ``auto``: what the device multiplies
            fastest; see :func:`~rlflood.training.precision.resolve_precision`.
        threads: CPU threads, each with a part of the replicas.
        checkpoints: Folder to keep unfinished runs in, from which they go on; None keeps none.

    Raises:
        InputError: if ``threads`` is not positive.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    threads: int = 1
    checkpoints: Path | None = None

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise InputError(f"threads must be 1 or more: got {self.threads}")

    def check(self) -> "Machine":
        """Make sure that this machine has the device and that the device has the precision; itself.

        Raises:
            InputError: if it has not.
        """
        resolve_precision(self.precision, self.torch_device)
        return self

    @property
    def torch_device(self) -> torch.device:
        """The device.

        Raises:
            InputError: if there is no such device on this machine.
        """
        return resolve_device(self.device)

    @property
    def number_format(self) -> Resolved:
        """The precision, or what ``auto`` stands for here.

        Raises:
            InputError: if the device does not have it, or there is no such device.
        """
        return resolve_precision(self.precision, self.torch_device)

    @property
    def on_cpu(self) -> bool:
        """Whether the device is the processor, which has threads to share the work."""
        return self.torch_device.type == "cpu"

    @property
    def on_gpu(self) -> bool:
        """Whether the device is an NVIDIA GPU."""
        return self.torch_device.type == "cuda"


@lru_cache  # each trainer asks, and to ask a GPU is to wait for it
def resolve_device(device: str | torch.device) -> torch.device:
    """The device of this name, made sure that it can be used here.

    Raises:
        InputError: if there is no such device on this machine.
    """
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()  # "meta" makes tensors, but there is nothing in them
    # torch raises any of these; the last for kinds of devices that come with a package of their own
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise InputError(
            f"cannot train on the device {str(device)!r} ({reason}); use 'cpu', or one that this machine has"
        ) from None
    return resolved
