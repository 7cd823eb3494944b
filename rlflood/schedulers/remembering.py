"""Saving and resuming the parts of a controller that follow a run."""

from typing import Any, ClassVar

import numpy as np


class Remembering:
    """What changes during a run, named in :attr:`_state`, can be saved and gone on from, bit for bit.

    Each attribute holds a number, a truth value, an array, or another part of this kind, which must be there
    before a state is loaded.
    """

    _state: ClassVar[tuple[str, ...]]

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered: copies."""
        return {state_key(name): _copy(getattr(self, name)) for name in self._state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        for name in self._state:
            part, saved = getattr(self, name), state[state_key(name)]
            if isinstance(part, Remembering):
                part.load_state_dict(saved)
            else:
                setattr(self, name, _copy(saved))


def state_key(attribute: str) -> str:
    """The name under which an attribute is saved."""
    return attribute.lstrip("_")


def _copy(value: Any) -> Any:
    if isinstance(value, Remembering):
        return value.state_dict()
    return value.copy() if isinstance(value, np.ndarray) else value
