"""Records and diagnoses as bytes: NumPy's own format, without pickle."""

from dataclasses import fields
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.runs.record import Record, Search

_SEARCH = "search."
_DEPLOYED = "deployed"
_WORDS = ("knob", "anytime")


def record_bytes(record: Record) -> bytes:
    """Everything of a record but its method's name."""
    own = {name: value for name, value in _fields(record).items() if name not in ("method", "search")}
    arrays = {name: np.asarray(value) for name, value in own.items()}
    if record.search is not None:
        arrays |= {f"{_SEARCH}{name}": np.asarray(value) for name, value in _fields(record.search).items()}
    return array_bytes(arrays)


def record_from_bytes(method: str, content: bytes) -> Record:
    """The record that :func:`record_bytes` wrote."""
    arrays = arrays_from_bytes(content)
    parts: dict[str, Any] = {
        name.removeprefix(_SEARCH): arrays.pop(name) for name in list(arrays) if name.startswith(_SEARCH)
    }
    parts |= {name: parts[name].item() for name in _WORDS if parts}
    deployed = arrays.pop(_DEPLOYED).item()
    return Record(method=method, **arrays, deployed=deployed, search=Search(**parts) if parts else None)


def array_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Named arrays in one compressed piece."""
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def arrays_from_bytes(content: bytes) -> dict[str, NDArray[Any]]:
    """What :func:`array_bytes` wrote."""
    with np.load(BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
