"""Saving what follows a run, and going on from it: plain values, checked before anything is changed.

The one way in which schedulers and their parts keep their state.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

_DTYPES = (np.float64, np.int64, np.bool_)  # the arrays that come back from lists as they were


class Stateful:
    """A part of a scheduler: what changes during a run, named in :attr:`_state`, can be saved and resumed.

    Each attribute holds a number, a truth value, a string, None, an array (of float64, int64 or bool; not
    empty), a dictionary of these, or another part, which must be there before a state is loaded.
    """

    _state: ClassVar[tuple[str, ...]]

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, in plain numbers, lists and dictionaries that share nothing with it."""
        return saved_state(self, self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`, bit for bit.

        Raises:
            ValueError: if the state is damaged. Nothing has changed then.
        """
        load_state(self, self._state, state, type(self).__name__)


def saved_state(owner: object, attributes: Sequence[str]) -> dict[str, Any]:
    """These attributes in Python's own numbers, lists and dictionaries, as JSON and torch's safe loader have.

    Raises:
        TypeError: for a value that would come back as something else.
    """
    return {_key(name): _to_plain(getattr(owner, name)) for name in attributes}


def load_state(owner: object, attributes: Sequence[str], state: Mapping[str, Any], kind: str) -> None:
    """Set the attributes to what :func:`saved_state` gave, or leave all of them as they are.

    Raises:
        ValueError: if a part cannot go on from what is saved of it.
    """
    before = saved_state(owner, attributes)
    try:
        _set(owner, attributes, state)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        _set(owner, attributes, before)
        raise ValueError(f"The state of the {kind} is damaged: {error!r}.") from error


def check_state(own: Mapping[str, Any], state: Mapping[str, Any], kind: str, within: str = "") -> None:
    """Make sure that a state has the entries that it should have, and numbers where they should be.

    Args:
        own: The state of the scheduler as it is.
        state: What is to be loaded.
        kind: The scheduler's.
        within: The entry that is looked at.

    Raises:
        ValueError: naming the entry that is missing, superfluous or of another type.
    """
    if set(own) != set(state):
        raise ValueError(
            f"The state of a {kind} has the entries {sorted(own)}{within}, but this one has {sorted(state)}."
        )
    for name, value in own.items():
        if name == "settings":  # compared apart
            continue
        given = state[name]
        text = isinstance(given, str) and not isinstance(value, str | None)
        if isinstance(value, Mapping) != isinstance(given, Mapping) or text or not _is_plain(given):
            raise ValueError(f"The state of the {kind} has {given!r} as its {name}{within}: it is damaged.")
        if isinstance(value, Mapping):
            check_state(value, given, kind, f" in {name}{within}")


def plain_settings(owner: object, attributes: Sequence[str]) -> dict[str, Any]:
    """What a scheduler was made with, as numbers, strings, None and lists."""
    values = {_key(name): getattr(owner, name) for name in attributes}
    return {
        name: np.asarray(value).tolist() if np.ndim(value) else _scalar(value)
        for name, value in values.items()
    }


def check_settings(own: Mapping[str, Any], settings: Any, kind: str, epochs: int | None) -> None:
    """Make sure that a state was saved by a scheduler that was made as this one.

    Args:
        own: How this one was made.
        settings: How the other was.
        kind: Of both.
        epochs: The length of the run to come, which then may differ.

    Raises:
        ValueError: naming what differs.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"The state of the {kind} does not say how it was made: it is damaged.")
    differing = [
        name
        for name in sorted({*own, *settings})
        if own.get(name) != settings.get(name) and not (name == "epochs" and epochs is not None)
    ]
    if differing:
        told = "; ".join(f"{name} is {settings.get(name)} there, {own.get(name)} here" for name in differing)
        longer = ""
        if differing == ["epochs"]:
            longer = f" To go on to another length, say so: load_state_dict(state, epochs={own['epochs']})."
        raise ValueError(f"The state is that of a {kind} that was made otherwise: {told}.{longer}")


def _set(owner: object, attributes: Sequence[str], state: Mapping[str, Any]) -> None:
    for name in attributes:
        part, value = getattr(owner, name), _from_plain(state[_key(name)])
        if isinstance(part, Stateful):
            part.load_state_dict(value)
        else:
            setattr(owner, name, value)


def _key(attribute: str) -> str:
    """The name under which an attribute is saved."""
    return attribute.lstrip("_")


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _is_plain(value: Any) -> bool:
    """Whether a saved value is one that a scheduler can have: numbers, in arrays if there are several."""
    if isinstance(value, Mapping | bool | int | float | str | None):
        return True
    try:
        return np.array(value).dtype.kind in "bif"
    except (TypeError, ValueError):
        return False


def _to_plain(value: Any) -> Any:
    if isinstance(value, Stateful):
        return value.state_dict()
    if isinstance(value, Mapping):
        return {key: _to_plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic) and value.size and value.dtype in _DTYPES:
        return value.tolist()
    if isinstance(value, bool | int | float | str | None):
        return value
    raise TypeError(f"A scheduler's state cannot hold {value!r} (see FloodScheduler._state).")


def _from_plain(value: Any) -> Any:
    """The inverse of :func:`_to_plain`: lists become arrays again."""
    if isinstance(value, Mapping):
        return {key: _from_plain(entry) for key, entry in value.items()}
    return np.array(value) if isinstance(value, list | np.ndarray) else value
