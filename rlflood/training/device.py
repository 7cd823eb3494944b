"""The device on which to train."""

import torch

from rlflood.errors import InputError


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
