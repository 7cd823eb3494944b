"""What a part of the script is given: a device, a time, and somewhere to report to."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Found = dict[str, Any]
"""What a part has come to so far, as JSON has it."""


@dataclass
class Allowance:
    """A device and the seconds that a part may use of it.

    Attributes:
        device: ``cuda``, or ``cpu`` for tiny sizes.
        seconds: How long the part may take; it is ended from outside a little later.
        report: Takes what has been found so far, all of it each time.
    """

    device: str
    seconds: float
    report: Callable[[Found], None]
    _began: float = field(default_factory=time.monotonic)

    @property
    def tiny(self) -> bool:
        """Whether this is only a test of the script itself."""
        return self.device == "cpu"

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self._began)

    def wait(self) -> None:
        """Wait for what the device has still to do."""
        if not self.tiny:
            import torch

            torch.cuda.synchronize(self.device)
