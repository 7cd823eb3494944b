"""What every flood scheduler has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeAlias, overload, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.flooding import check_tensor, flood
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.remembering import state_key

MetricLike: TypeAlias = float | Sequence[float] | np.number[Any] | NDArray[Any] | Tensor
"""A number, or one for each replica, as Python, NumPy or PyTorch has it."""

_METRICS = tuple(field.name for field in fields(Metrics))
_DTYPES = (np.float64, np.int64, np.bool_)  # the arrays that come back from lists as they were


@runtime_checkable
class Stateful(Protocol):
    """A part of a scheduler that keeps its own state (see :attr:`FloodScheduler._state`)."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> None: ...


class FloodScheduler(ABC):
    """Sets the flood level from the metrics of each epoch.

    Used like ``torch.optim.lr_scheduler.ReduceLROnPlateau``, and called on the loss of each mini-batch::

        scheduler = AdaptiveFlood()
        for epoch in range(epochs):
            for x, y in loader:
                loss = scheduler(criterion(model(x), y))
                loss.backward(); optimizer.step(); optimizer.zero_grad()
            scheduler.step(train_loss=..., train_acc=..., val_loss=..., val_acc=...)

    One scheduler steers one network, or as many replicas at once as the arrays of metrics have entries, each
    with its own level. Replicas never influence each other: metrics that are not a number, from a replica
    that diverged, leave the other levels as they would be.

    **To write a scheduler**, derive from this class, implement :meth:`_next_level`, and name in
    :attr:`_state` the attributes that change during a run. Everything else (checks, floats or arrays, saving,
    resuming, the level on the device) is done here. One that halves the level whenever the validation loss
    rises::

        class Halving(FloodScheduler):
            _state = ("_last_loss",)

            def __init__(self, level: float) -> None:
                super().__init__(initial_level=level)
                self._last_loss: Values = np.inf

            def _next_level(self, metrics: Metrics) -> Values:
                worse = metrics.val_loss > self._last_loss
                self._last_loss = metrics.val_loss
                return np.where(worse, self._level / 2, self._level)

    Args:
        initial_level: the level before the first metrics: not negative, finite; a number, or an array of
            shape ``(replicas,)``, which fixes the number of replicas.

    Raises:
        ValueError: if ``initial_level`` is anything else.
    """

    _state: ClassVar[tuple[str, ...]] = ()
    """The attributes, besides the level, that change during a run.

    Each holds a number, a truth value, a string, None, an array (of float64, int64 or bool; not empty), a
    dictionary of these, or an object with its own ``state_dict`` and ``load_state_dict`` (:class:`Stateful`),
    which must be there before a state is loaded. A subclass of a scheduler with state repeats that state.
    """

    def __init__(self, initial_level: MetricLike = 0.0) -> None:
        self._level = checked_level(initial_level)
        self._epoch = 0
        # The shape of metrics, level and losses in this run; None while nothing has settled it.
        self._shape = self._level.shape if isinstance(self._level, np.ndarray) else None
        # What __call__ floods with. Each tensor lives as long as the run and is only ever refilled, so that
        # compiled functions and captured graphs, which keep hold of it, follow the level.
        self._on_device: dict[tuple[torch.device, torch.dtype, tuple[int, ...]], Tensor] = {}

    @abstractmethod
    def _next_level(self, metrics: Metrics) -> Values:
        """Take in the metrics of the epoch that just ended; return the level for the next one.

        Args:
            metrics: float64 arrays of shape ``(replicas,)``; a run of floats comes as one replica. They are
                copies, for keeps.

        Returns:
            The level, a number or shape ``(replicas,)``, finite and not negative even where metrics are not.

        ``self._level`` is still the level of the epoch that ended, ``self.epoch`` counts that epoch already.
        """

    @property
    def level(self) -> Values:
        """The present level: a float, or a copy of an array ``(replicas,)`` once metrics or a level were."""
        return self._level.copy() if isinstance(self._level, np.ndarray) else self._level

    @property
    def epoch(self) -> int:
        """How many epochs have been reported to :meth:`step`."""
        return self._epoch

    def __call__(self, loss: Tensor) -> Tensor:
        """Flood the loss of a mini-batch at the present level: :func:`rlflood.flooding.flood`.

        The level waits on the loss's device in a tensor that :meth:`step` refills, so a batch costs no copy
        from the host and no synchronisation, and a compiled function needs no recompilation when it changes.
        The first loss of a shape makes that tensor: before the capture of a CUDA graph, or in a function that
        is compiled with ``mode="reduce-overhead"``, call the scheduler once on such a loss outside.

        It floods wherever it is called, in ``model.eval()`` and ``torch.no_grad()`` too: evaluate with the
        criterion itself. For per-sample objectives, give :attr:`level` to the functions of
        :mod:`rlflood.flooding`.

        Args:
            loss: mean loss of a mini-batch, shape ``()``, or of each replica's, shape ``(replicas,)``.

        Raises:
            TypeError: if the loss is no tensor.
            ValueError: if the shape is neither, or does not fit the metrics reported so far.
        """
        check_tensor(loss)
        shape = tuple(loss.shape)
        if len(shape) > 1 or self._shape not in (None, shape):
            expected = "() or (replicas,)" if self._shape is None else f"{self._shape}, as the metrics"
            raise ValueError(
                f"The loss has shape {shape}, but must have shape {expected}: "
                "take its mean over each batch first (reduction='mean')."
            )
        key = (loss.device, loss.dtype, shape)
        if key not in self._on_device:
            with torch.inference_mode(False):  # a tensor made in inference mode could not be trained with
                self._on_device[key] = self._filled(torch.empty(shape, dtype=loss.dtype, device=loss.device))
        return flood(loss, self._on_device[key])

    @overload
    def step(self, metrics: Metrics, /) -> Values: ...

    @overload
    def step(
        self,
        metrics: None = None,
        /,
        *,
        train_loss: MetricLike,
        train_acc: MetricLike,
        val_loss: MetricLike,
        val_acc: MetricLike,
    ) -> Values: ...

    def step(
        self,
        metrics: Metrics | None = None,
        /,
        *,
        train_loss: MetricLike | None = None,
        train_acc: MetricLike | None = None,
        val_loss: MetricLike | None = None,
        val_acc: MetricLike | None = None,
    ) -> Values:
        """Report an epoch; set and return the level for the next one.

        Either a :class:`~rlflood.metrics.Metrics`, or its four fields by name, as numbers or as arrays or
        tensors (on any device) of shape ``()`` or ``(replicas,)``.

        Args:
            train_loss: the unflooded mean loss over the epoch's mini-batches.
            train_acc: training accuracy, 0 to 1.
            val_loss: validation loss, by the same criterion, not flooded.
            val_acc: validation accuracy, 0 to 1.

        Returns:
            The new :attr:`level`.

        Raises:
            TypeError: if a metric is missing, or both a ``Metrics`` and keywords are given.
            ValueError: if the shapes differ from each other or from those of earlier epochs.
        """
        named = dict(zip(_METRICS, (train_loss, train_acc, val_loss, val_acc), strict=True))
        given = [name for name, value in named.items() if value is not None]
        if metrics is not None and given:
            raise TypeError(f"step() takes a Metrics or the four metrics by name, not both ({given}).")
        if metrics is None and len(given) < len(named):
            missing = [name for name in named if name not in given]
            raise TypeError(f"step() needs all four metrics; {missing} missing.")
        arrays, shape = self._arrays(named if metrics is None else {n: getattr(metrics, n) for n in _METRICS})

        self._epoch += 1
        level = np.broadcast_to(self._next_level(arrays), shape or (1,))
        self._set_level(checked_level(level.reshape(shape)), shape)
        return self.level

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` needs to go on from here, in plain numbers, lists and dictionaries.

        It survives JSON and ``torch.load(weights_only=True)`` unchanged. It holds what changes during a run,
        not the settings that the constructor takes, and shares nothing with the scheduler.
        """
        return {
            "scheduler": type(self).__name__,
            "epoch": self._epoch,
            "level": _to_plain(self._level),
            **{state_key(name): _to_plain(getattr(self, name)) for name in self._state},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the scheduler that gave ``state`` was, with the same levels bit for bit.

        The scheduler must have been made with the same settings.

        Raises:
            ValueError: if the state is that of another kind of scheduler, or has other entries.
        """
        kind = type(self).__name__
        if state.get("scheduler") != kind:
            raise ValueError(f"The state is that of {state.get('scheduler')!r}, not of {kind}.")
        expected = {"scheduler", "epoch", "level", *map(state_key, self._state)}
        if set(state) != expected:
            raise ValueError(
                f"The state of a {kind} has the entries {sorted(expected)}, but this one has {sorted(state)}."
            )
        level = checked_level(state["level"])
        shape = np.shape(level) or (() if state["epoch"] else None)
        if isinstance(self._level, np.ndarray) and shape != self._shape:
            raise ValueError(f"The state's level has shape {np.shape(level)}, this {kind}'s {self._shape}.")
        for name in self._state:
            part, value = getattr(self, name), _from_plain(state[state_key(name)])
            if isinstance(part, Stateful):
                part.load_state_dict(value)
            else:
                setattr(self, name, value)
        self._epoch = int(state["epoch"])
        self._set_level(level, shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(epoch={self._epoch}, level={self._level})"

    def _arrays(self, named: Mapping[str, Any]) -> tuple[Metrics, tuple[int, ...]]:
        """The metrics as arrays of shape ``(replicas,)``, and the shape in which they came."""
        arrays = {name: to_array(value) for name, value in named.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        shape = shapes[_METRICS[0]]
        if len(shape) > 1 or len(set(shapes.values())) > 1:
            raise ValueError(f"The metrics must all be numbers or all have shape (replicas,), not {shapes}.")
        if self._shape not in (None, shape):
            raise ValueError(f"The metrics have shape {shape}, but this run has had {self._shape} so far.")
        return Metrics(**{name: np.atleast_1d(array) for name, array in arrays.items()}), shape

    def _set_level(self, level: Values, shape: tuple[int, ...] | None) -> None:
        self._level, self._shape = level, shape
        for key, tensor in list(self._on_device.items()):
            if shape in (None, key[-1]):
                self._filled(tensor)
            else:  # made for losses of a shape that can no longer come
                del self._on_device[key]

    def _filled(self, tensor: Tensor) -> Tensor:
        """``tensor``, filled with the level."""
        with torch.no_grad():
            if isinstance(self._level, np.ndarray):
                return tensor.copy_(torch.from_numpy(self._level))
            return tensor.fill_(self._level)


def to_array(value: MetricLike) -> NDArray[np.float64]:
    """A float64 copy of a number, array or tensor, from whatever device."""
    if isinstance(value, Tensor):
        value = value.detach().to("cpu", torch.float64).numpy()
    return np.array(value, dtype=np.float64)


def checked_level(value: MetricLike) -> Values:
    """A level as a float, or as a float64 array of shape ``(replicas,)`` of its own.

    Raises:
        ValueError: if it has more dimensions, is negative or is not finite.
    """
    level = to_array(value)
    if level.ndim > 1:
        raise ValueError(f"A level must be a number or have shape (replicas,), not {level.shape}.")
    check_levels(level)
    return level if level.ndim else float(level)


def check_levels(levels: NDArray[np.float64]) -> None:
    """Raise a ValueError unless all levels are finite and none is negative."""
    wrong = levels[~(np.isfinite(levels) & (levels >= 0))]
    if wrong.size:
        raise ValueError(f"A flood level must be finite and not negative, not {wrong[0]}.")


def _to_plain(value: Any) -> Any:
    """``value`` in Python's own numbers, lists and dictionaries, which JSON and torch's safe loader know."""
    if isinstance(value, Stateful):
        value = value.state_dict()
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
