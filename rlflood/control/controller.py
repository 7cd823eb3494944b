"""A controller: a trained policy in one file that is safe to load from anybody."""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from rlflood.control.levels import LevelSet
from rlflood.control.lstm import LSTM
from rlflood.control.safeguard import Safeguard
from rlflood.control.spec import ControlSpec
from rlflood.errors import InputError
from rlflood.files import write_whole
from rlflood.holding import Hold

FORMAT = "rlflood-controller/4"
OLDER_FORMATS = ("rlflood-controller/1", "rlflood-controller/2", "rlflood-controller/3")
"""The first without a safeguard of its own: the one that all controllers had. The first two for the paper's
flooding: each batch by itself, the last network, a turn by the validation loss. All three for the
cross-entropy; since the fourth what few controllers have stands in a file only where one has it."""
Activation = Literal["tanh", "relu"]
Memory = NDArray[np.float64]
Part = TypeVar("Part", Safeguard, Hold)
_LSTM_NAMES = ("lstm.weight_ih", "lstm.weight_hh", "lstm.bias")


@dataclass(frozen=True, eq=False)
class Controller:
    """A policy network, how it is joined to a run, and where it came from.

    Attributes:
        spec: Observation, level set and decisions a run.
        layers: Weight ``(out, in)`` and bias ``(out,)`` of each linear layer, float32, from the
            observation, or from what the memory gives out, to one logit an action.
        activation: Between the layers.
        provenance: Algorithm, task distribution, seed, episodes, versions: plain JSON values.
        lstm: The memory of a recurrent controller.

    Raises:
        ValueError: if the layers don't fit each other, the observation or the level set.
    """

    spec: ControlSpec
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
    activation: Activation = "tanh"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    lstm: LSTM | None = None

    def __post_init__(self) -> None:
        if self.activation not in get_args(Activation):
            raise ValueError(f"unknown activation {self.activation!r}")
        width = len(self.spec.features)
        if self.lstm is not None:
            if self.lstm.inputs != width:
                raise ValueError(f"the memory takes {self.lstm.inputs} features of an observation of {width}")
            width = self.lstm.units
        if not self.layers:
            raise ValueError("the policy has no layers")
        for number, (weight, bias) in enumerate(self.layers):
            if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
                raise ValueError(
                    f"layer {number} has weights {weight.shape} and bias {bias.shape} for {width} inputs"
                )
            if not weight.dtype == bias.dtype == np.float32:
                raise ValueError(f"layer {number} is of type {weight.dtype} and {bias.dtype}, not float32")
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise ValueError(f"layer {number} has weights that are not finite")
            width = weight.shape[0]
        if width != self.spec.actions:
            more = " and the return" if self.spec.returning else ""
            times = f" at {len(self.spec.strengths)} strengths" if self.spec.strengths else ""
            raise ValueError(
                f"the policy has {width} actions, its level set {len(self.spec.levels)} levels{times}{more}"
            )
        # one layout in memory: the last bits of a product depend on it, and a file keeps none
        layers = tuple(tuple(np.ascontiguousarray(part) for part in layer) for layer in self.layers)
        object.__setattr__(self, "layers", layers)

    def logits(
        self, observation: NDArray[np.float32], memory: Memory | None = None
    ) -> tuple[NDArray[np.floating[Any]], Memory | None]:
        """What the policy makes of an observation.

        Args:
            observation: Shape ``(replicas, features)``.
            memory: What the last call in the same run gave back; ``None`` at its start.

        Returns:
            One logit an action, shape ``(replicas, actions)``, and the memory for the next call: ``None`` if
            the controller has none.
        """
        hidden: NDArray[np.floating[Any]] = observation
        if self.lstm is not None:
            memory = self.lstm.step(observation, self.lstm.blank() if memory is None else memory)
            hidden = memory[:, 0]
        for number, (weight, bias) in enumerate(self.layers):
            hidden = hidden @ weight.T + bias
            if number < len(self.layers) - 1:
                hidden = np.tanh(hidden) if self.activation == "tanh" else np.maximum(hidden, 0)
        return hidden, memory

    def act(
        self, observation: NDArray[np.float32], memory: Memory | None = None
    ) -> tuple[NDArray[np.int64], Memory | None]:
        """The most probable action of each replica, shape ``(replicas,)``; otherwise as :meth:`logits`."""
        logits, memory = self.logits(observation, memory)
        return logits.argmax(axis=1), memory

    @property
    def fingerprint(self) -> str:
        """What tells it from controllers that decide otherwise, whatever its provenance: 16 hex digits."""
        decides = json.dumps(self._decides()).encode() + save_tensors(self._tensors())
        return hashlib.sha256(decides).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """The content of the controller's file."""
        # under one key: safetensors writes several in an order that changes from file to file
        return save_tensors(self._tensors(), metadata={"controller": json.dumps(self.header)})

    @property
    def header(self) -> dict[str, Any]:
        """What its file says besides the weights: plain JSON values."""
        return {"format": FORMAT, **self._decides(), "provenance": dict(self.provenance)}

    def _decides(self) -> dict[str, Any]:
        """All of the header that decides a level; fingerprints are made of it, so it stays as it is."""
        few: dict[str, Any] = {}
        if self.spec.criterion != "cross-entropy":
            few["criterion"] = self.spec.criterion
        if self.spec.strengths:
            few["strengths"] = list(self.spec.strengths)
        return {
            "observation": self.spec.observation,
            "features": list(self.spec.features),
            "levels": list(self.spec.levels.values),
            "level_unit": self.spec.levels.unit,
            "decisions": self.spec.decisions,
            "safeguard": asdict(self.spec.safeguard),
            "turn": self.spec.turn,
            "hold": asdict(self.spec.hold),
            "returning": self.spec.returning,
            "average": self.spec.average,
            "activation": self.activation,
            **few,
        }

    def _tensors(self) -> dict[str, NDArray[np.float32]]:
        tensors: dict[str, NDArray[np.float32]] = {}
        if self.lstm is not None:
            parts = (self.lstm.weight_ih, self.lstm.weight_hh, self.lstm.bias)
            tensors.update(zip(_LSTM_NAMES, parts, strict=True))
        for number, (weight, bias) in enumerate(self.layers):
            tensors[f"layers.{number}.weight"] = weight
            tensors[f"layers.{number}.bias"] = bias
        return tensors

    def save(self, path: str | Path) -> None:
        """Write the controller to one ``.safetensors`` file, whole or not at all."""
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> "Controller":
        """Read a controller's file. Nothing in it is unpickled or run.

        Raises:
            InputError: if the file is missing, damaged, or not a controller that this version reads.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"there is no controller file {path}: check the path, or make one with `rlflood train`"
            ) from None
        except OSError as error:
            raise InputError(f"the controller file {path} cannot be read: {error.strerror}") from None
        return cls.from_bytes(content, str(path))

    @classmethod
    def from_bytes(cls, content: bytes, name: str = "controller") -> "Controller":
        """The controller in a file's content; ``name`` is used in messages.

        Raises:
            InputError: if the content is damaged or not a controller that this version reads.
        """
        try:
            tensors = load_tensors(content)
        except (SafetensorError, ValueError, KeyError) as error:
            raise InputError(
                f"{name} is damaged or not a controller file ({error}); get it again, or make one with "
                "`rlflood train`"
            ) from None
        header = _header(content)
        if header.get("format") not in (FORMAT, *OLDER_FORMATS):
            raise InputError(
                f"{name} is a safetensors file but not a controller that this version reads: its format is "
                f"{header.get('format')!r}, expected {FORMAT!r}; make a controller with `rlflood train`"
            )
        try:
            return cls._from_parts(header, tensors)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise InputError(
                f"the controller in {name} is not usable: {reason}; get it again, or make one with "
                "`rlflood train`"
            ) from None

    @classmethod
    def _from_parts(cls, header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> "Controller":
        levels = _numbers(header["levels"], "levels")
        decisions, provenance = header["decisions"], header["provenance"]
        if type(decisions) is not int:
            raise ValueError(f"its decisions are {decisions!r}, not a whole number")
        if not isinstance(provenance, dict):
            raise ValueError("its provenance is not a table")
        level_set = LevelSet(levels, header["level_unit"])
        first, second, _ = OLDER_FORMATS
        made: dict[str, Any] = {}
        if header["format"] != first:
            made["safeguard"] = _from_table(Safeguard, header["safeguard"], "safeguard")
        if header["format"] not in (first, second):
            made |= {name: header[name] for name in ("turn", "returning", "average")}
            made["hold"] = _from_table(Hold, header["hold"], "hold")
            if not all(type(made[name]) is bool for name in ("returning", "average")):
                raise ValueError("whether it returns and averages are not truth values")
        if header["format"] == FORMAT:
            made["criterion"] = header.get("criterion", "cross-entropy")
            made["strengths"] = _numbers(header.get("strengths", []), "strengths")
        spec = ControlSpec(header["observation"], level_set, decisions, **made)
        if header["features"] != list(spec.features):
            raise ValueError("it sees other features than this version observes")
        parts = [tensors[name] for name in _LSTM_NAMES if name in tensors]
        count = (len(tensors) - len(parts)) // 2
        names = [(f"layers.{n}.weight", f"layers.{n}.bias") for n in range(count)]
        if set(tensors) != {*(_LSTM_NAMES if parts else ()), *(name for pair in names for name in pair)}:
            raise ValueError(
                f"its tensors are {', '.join(sorted(tensors))}, not weight and bias of each layer and, for a "
                f"memory, {', '.join(_LSTM_NAMES)}"
            )
        lstm = LSTM(*parts) if parts else None
        layers = [(tensors[weight], tensors[bias]) for weight, bias in names]
        return cls(spec, layers, header["activation"], provenance, lstm)


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    """A list of numbers from the header."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"its {name} are not numbers")
    return tuple(float(value) for value in values)


def _from_table(kind: type[Part], values: Any, name: str) -> Part:
    """A dataclass of numbers from the header."""
    names = {field.name for field in fields(kind)}
    if not isinstance(values, dict) or set(values) != names:
        raise ValueError(f"its {name} is not a table of {', '.join(sorted(names))}")
    if not all(type(value) in (int, float) for value in values.values()):
        raise ValueError(f"its {name} has values that are not numbers")
    return kind(**{key: float(value) for key, value in values.items()})


def _header(content: bytes) -> dict[str, Any]:
    """A controller's own part of a safetensors header; empty if there is none.

    The library, which has checked the header by now, reads this part from files only.
    """
    (length,) = struct.unpack("<Q", content[:8])
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    try:
        header = json.loads(metadata.get("controller", "{}"))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
