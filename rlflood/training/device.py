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
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch raises any of the three
        reason = str(error).splitlines()[0]
        raise InputError(
            f"cannot train on the device {str(device)!r} ({reason}); use 'cpu', or one that this machine has"
        ) from None
    return resolved
