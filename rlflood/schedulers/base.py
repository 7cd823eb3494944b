"""What every flood scheduler has in common."""

import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import astuple
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from rlflood.control.walk import Walk
from rlflood.errors import RlfloodWarning
from rlflood.holding import Hold
from rlflood.metrics import Metrics, Values
from rlflood.schedulers.history import History
from rlflood.schedulers.left import Position, warn_if_left
from rlflood.schedulers.level import checked_level
from rlflood.schedulers.reports import (
    FLOODED,
    METRICS,
    NOT_GIVEN,
    MetricLike,
    Reports,
    metric_rows,
    named_metrics,
    to_array,
)
from rlflood.state import check_settings, check_state, load_state, plain_settings, saved_state
from rlflood.strengths import CriterionName

if TYPE_CHECKING or find_spec("torch") is not None:
    from torch import Tensor
    from torch.compiler import is_compiling

    from rlflood.schedulers.batches import Batches, check_loss
else:
    from rlflood.schedulers.without_torch import Batches, check_loss, is_compiling

STATE_VERSION = 2
"""Of what :meth:`FloodScheduler.state_dict` gives."""

_OWN_STATE = ("_epoch", "_level", "_reports", "_walk", "_batches", "history")


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

    **To write a scheduler**, derive from this class, implement :meth:`_next_level`, name in :attr:`_state`
    the attributes that change during a run, and in :attr:`_settings` those that say how it was made.
    Everything else (checks, floats or arrays, saving, resuming, the level on the device) is done here. A rule
    that does not look at the validation also needs :meth:`_unvalidated_level`, and says so in
    :attr:`needs_validation`. One that halves the level whenever the validation loss rises by a share::

        class Halving(FloodScheduler):
            _state = ("_last_loss",)
            _settings = ("rise",)

            def __init__(self, level: float, rise: float = 0.0) -> None:
                super().__init__(initial_level=level)
                self.rise = rise
                self._last_loss: Values = np.inf

            def _next_level(self, metrics: Metrics) -> Values:
                worse = metrics.val_loss > (1 + self.rise) * self._last_loss
                self._last_loss = metrics.val_loss
                return np.where(worse, self._level / 2, self._level)

    Args:
        initial_level: the level before the first metrics: not negative, finite; a number, or an array of
            shape ``(replicas,)``, which declares the replicas.
        replicas: how many networks it steers, if losses come as arrays before metrics say so.
        hold: how the level is held over mini-batches; None is as the class has it.

    Attributes:
        history: levels and metrics of all epochs so far.

    Raises:
        ValueError: if ``initial_level`` is anything else, or does not fit ``replicas``.
    """

    _state: ClassVar[tuple[str, ...]] = ()
    """The attributes, besides the level, that change during a run.

    Each holds a number, a truth value, a string, None, an array (of float64, int64 or bool; not empty), a
    dictionary of these, or a part with a state of its own (:class:`~rlflood.state.Stateful`), which must be
    there before a state is loaded. A subclass of a scheduler with state repeats that state.
    """
    _settings: ClassVar[tuple[str, ...]] = ()
    """The attributes that say how it was made: numbers, strings, None, sequences or arrays of numbers.

    A state is loaded only where they are the same, but for ``epochs`` where that is asked for.
    """
    needs_validation: bool = True
    """Whether the levels go by the validation; if not, :meth:`step` can do without its two metrics."""
    returning: bool = False
    """Whether it may ask for the best weights (:attr:`returns`), so that somebody has to keep them."""
    epochs: int | None = None
    """The length of the run, of schedulers that are told it."""
    hold: Hold = Hold()
    """How its levels are held over mini-batches where nothing else is said."""
    criterion: CriterionName = "cross-entropy"
    """What the networks that it steers are trained with, of schedulers that are for one criterion."""

    def __init__(
        self, initial_level: MetricLike = 0.0, *, replicas: int | None = None, hold: Hold | None = None
    ) -> None:
        self._level = checked_level(initial_level)
        if replicas is not None:
            if replicas < 1 or np.shape(self._level) not in ((), (replicas,)):
                raise ValueError(f"replicas={replicas} does not fit levels of shape {np.shape(self._level)}.")
            self._level = np.broadcast_to(self._level, replicas).copy()
        self._epoch = 0
        self.history = History()
        self._reports = Reports()
        self._walk = Walk()
        # this epoch's losses, before and after flooding, where they may tell
        self._heard: list[tuple[Tensor, Tensor]] | None = None
        self._position = Position(type(self).__name__)
        weakref.finalize(self, warn_if_left, self._position)
        self.hold = type(self).hold if hold is None else hold
        self._batches = Batches(self.hold)
        # The shape of metrics, level and losses in this run; None while nothing has settled it.
        self._shape = self._level.shape if isinstance(self._level, np.ndarray) else None
        self._batches.set_level(self._level, self._shape)

    @abstractmethod
    def _next_level(self, metrics: Metrics) -> Values:
        """Take in the metrics of the epoch that just ended; return the level for the next one.

        Args:
            metrics: float64 arrays of shape ``(replicas,)``, to keep; a run of floats comes as one replica.
                Not finite are those of a replica that is lost (:class:`~rlflood.schedulers.reports.Reports`).

        Returns:
            The level, a number or shape ``(replicas,)``, finite and not negative even where metrics are not.

        ``self._level`` is still the level of the epoch that ended, ``self.epoch`` counts that epoch already.
        """

    def _unvalidated_level(self, metrics: Metrics) -> Values:
        """As :meth:`_next_level`, after an epoch without validation: the level as it was.

        One that does not look at the validation goes on; one that follows the train loss takes it in.

        Of ``metrics`` those of the validation mean nothing.
        """
        return self._level

    @property
    def level(self) -> Values:
        """The present level: a float, or a copy of an array ``(replicas,)`` once metrics or a level were."""
        return self._level.copy() if isinstance(self._level, np.ndarray) else self._level

    @property
    def epoch(self) -> int:
        """How many epochs have been reported to :meth:`step`."""
        return self._epoch

    @property
    def ascended(self) -> Values | None:
        """The share of the last epoch's batches, or parts, that went up; None if it flooded none.

        Of several processes each has its own, but for those that go by one running mean. No state has it.
        """
        return self._batches.ascended

    @property
    def held(self) -> bool:
        """Whether a network is held at a loss that it would leave if it were let go: its level is above 0.

        A schedule that lets go before the end has its good network there. A run that is broken off while it
        is held (patience, Ctrl-C) leaves one that may be many points below its best.
        """
        return bool(np.any(np.asarray(self._level) > 0))

    @property
    def strength(self) -> Values | None:
        """The strength of the criterion in the next epoch, of schedulers that set it."""
        return None

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Whether an average of the weights begins with the next epoch: for all, or shape ``(replicas,)``.

        Where the network first lies below its level, and anew where the best weights are put back.
        """
        return self._walk.begins | self.returns

    @property
    def returns(self) -> NDArray[np.bool_] | bool:
        """Whether the best weights are put back before the next epoch: for all, or shape ``(replicas,)``."""
        return False

    def __call__(self, loss: "Tensor", *, plain: "Tensor | None" = None, parts: int = 1) -> "Tensor":
        """Flood the loss of a mini-batch at the present level: :func:`rlflood.flooding.flood`.

        Where :attr:`hold` has a running mean, the loss is taken in, and the mean says whether training
        descends or ascends. In several processes (``torch.distributed``) the mean is of the losses of all of
        them, which then have to call the scheduler equally often; where each batch is held by itself, each
        process floods its own. A loss that is not finite changes no mean.

        Level and mean wait on the loss's device in tensors that are changed in place, so a batch costs no
        copy from the host and no synchronisation, and a compiled function needs no recompilation.
        The first loss of a shape makes them: before the capture of a CUDA graph, or in a function that
        is compiled with ``mode="reduce-overhead"``, call the scheduler once on such a loss outside.

        It floods wherever it is called, in ``model.eval()`` and ``torch.no_grad()`` too: evaluate with the
        criterion itself. For per-sample objectives, give :attr:`level` to the functions of
        :mod:`rlflood.flooding`.

        Args:
            loss: mean loss of a mini-batch, shape ``()``; or of each replica's, shape ``(replicas,)``, where
                replicas have been declared, by an argument of the constructor or by metrics.
            plain: what the level is compared with, if that is not the loss: under a robust criterion the mean
                cross-entropy (:class:`~rlflood.robust_loss.RobustLoss` gives it).
            parts: with gradient accumulation, how many successive losses make one step of the optimizer. On
                a running mean all of them go the same way, by the mean of the steps before, and their own
                mean is taken in with the last. Where each batch is held by itself, so is each part. Parts
                that are left over at the end of an epoch are not taken in.

        Raises:
            InputError: if PyTorch is not installed.
            TypeError: if the loss is no tensor.
            ValueError: if the shape is neither, or does not fit the metrics reported so far; or if ``parts``
                is not positive.
        """
        check_loss(loss, self._shape, parts)
        flooded = self._batches(loss, parts, plain)
        if not is_compiling() and self._heard is not None and plain is None:
            # no copy, no synchronisation: they are looked at in step()
            self._heard.append((loss.detach(), flooded.detach()))
        return flooded

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
        val_loss: MetricLike | None = NOT_GIVEN,
        val_acc: MetricLike | None = NOT_GIVEN,
    ) -> Values: ...

    def step(
        self,
        metrics: Metrics | None = None,
        /,
        *,
        train_loss: MetricLike = NOT_GIVEN,
        train_acc: MetricLike = NOT_GIVEN,
        val_loss: MetricLike | None = NOT_GIVEN,
        val_acc: MetricLike | None = NOT_GIVEN,
    ) -> Values:
        """Report an epoch; set and return the level for the next one.

        Either a :class:`~rlflood.metrics.Metrics`, or its four fields by name, as numbers or as arrays or
        tensors (on any device) of shape ``()`` or ``(replicas,)``.

        One metric that is not finite is taken for a slip, and the last one stands for it; three in a row are
        believed. Warns once where the train loss is the mean of what the scheduler returned, not of what it
        was called on, and where more epochs are reported than the run was to have.

        Args:
            train_loss: the unflooded mean loss over the epoch's mini-batches; not negative.
            train_acc: training accuracy, 0 to 1.
            val_loss: validation loss, by the same criterion, not flooded. None, as ``val_acc``, if there was
                no validation: the epoch counts, and the level stays unless the rule does not look at it.
            val_acc: validation accuracy, 0 to 1. Both may be left out if not :attr:`needs_validation`.

        Returns:
            The new :attr:`level`.

        Raises:
            TypeError: if a metric is missing, or both a ``Metrics`` and keywords are given.
            ValueError: if a metric is out of its range, an accuracy is not finite where its loss is, or the
                shapes differ from each other or from those of earlier epochs. Nothing has changed then.
        """
        named = dict(zip(METRICS, (train_loss, train_acc, val_loss, val_acc), strict=True))
        by_name = named_metrics(named, metrics, needs_validation=self.needs_validation)
        validated = metrics is not None or by_name["val_loss"] is not None
        rows, shape = metric_rows(by_name, self._shape, validated)

        if metrics is None and self._reports.is_flooded(rows[0], np.atleast_1d(self._level), *self._losses()):
            warnings.warn(FLOODED, RlfloodWarning, stacklevel=2)
        if self.epochs is not None and self._epoch == self.epochs:
            warnings.warn(
                f"{type(self).__name__} was told of {self.epochs} epochs, and this is epoch "
                f"{self.epochs + 1}: its plan has ended. Give it the true length of the run.",
                RlfloodWarning,
                stacklevel=2,
            )
        self.history.add(self, rows, shape)
        self._epoch += 1
        seen = self._reports.taken(rows, validated=validated)
        level = self._next_level(seen) if validated else self._unvalidated_level(seen)
        level = np.broadcast_to(level, shape or (1,))
        self._walk.update(seen.train_loss, level)
        self._set_level(checked_level(level.reshape(shape)), shape)
        self._batches.end_epoch(self.returns)
        self._heard = [] if self.held and self._reports.in_doubt else None
        return self.level

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` needs to go on from here, in plain numbers, lists and dictionaries.

        It survives JSON and ``torch.load(weights_only=True)`` unchanged, says which settings it was made
        with, and shares nothing with the scheduler.
        """
        return {
            "scheduler": type(self).__name__,
            "version": STATE_VERSION,
            "settings": self._made_with(),
            **saved_state(self, (*_OWN_STATE, *self._state)),
        }

    def load_state_dict(self, state: Mapping[str, Any], *, epochs: int | None = None) -> None:
        """Go on where the scheduler that gave ``state`` was, with the same levels bit for bit.

        Args:
            state: From :meth:`state_dict` of a scheduler that was made with the same settings.
            epochs: Let the run have so many epochs from now on, whatever it was to have when the state was
                saved or this scheduler was made. Of schedulers that are told the length of the run.

        Raises:
            TypeError: if ``epochs`` is given to a scheduler that is not told the length of the run.
            ValueError: if the state is that of another kind of scheduler or of another version, was made with
                other settings, or is damaged; or if ``epochs`` are fewer than it has seen. Nothing has
                changed then.
        """
        kind = type(self).__name__
        if epochs is not None and self.epochs is None:
            raise TypeError(f"{kind} is not told the length of the run: leave epochs out.")
        if state.get("scheduler") != kind:
            raise ValueError(f"The state is that of {state.get('scheduler')!r}, not of {kind}.")
        if state.get("version") != STATE_VERSION:
            raise ValueError(
                f"The state has the version {state.get('version')}, this rlflood reads {STATE_VERSION}: it "
                "was saved by another version of rlflood, or is damaged."
            )
        own = self.state_dict()
        state = {"history": History().state_dict(), **state}  # which those of version 0.1 do not have
        check_state(own, state, kind)
        if type(state["epoch"]) is not int or state["epoch"] < 0:
            raise ValueError(f"The state of the {kind} has the epoch {state['epoch']!r}: it is damaged.")
        check_settings(own["settings"], state["settings"], kind, epochs)
        level = checked_level(state["level"])
        shape = np.shape(level) or (() if state["epoch"] else None)
        if isinstance(self._level, np.ndarray) and shape != self._shape:
            raise ValueError(f"The state's level has shape {np.shape(level)}, this {kind}'s {self._shape}.")
        shapes = {np.shape(state["batches"]["mean"]), np.shape(state["history"]["level"])[1:]}
        if shapes - {(), shape or ()}:
            raise ValueError(f"The state of the {kind} has another shape of losses than of levels.")
        if epochs is not None and epochs < max(state["epoch"], 1):
            raise ValueError(f"epochs is {epochs}, but the state has seen {state['epoch']} already.")
        load_state(self, (*_OWN_STATE, *self._state), state, kind)
        if epochs is not None:
            self._go_on_to(epochs)
        self._set_level(level, shape)

    def _go_on_to(self, epochs: int) -> None:
        """Let the run have so many epochs: at least as many as it has seen."""
        self.epochs = epochs

    def __repr__(self) -> str:
        return f"{type(self).__name__}(epoch={self._epoch}, level={self._level})"

    def _losses(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What was heard of this epoch's losses, raw and flooded: each ``(batches, replicas)``."""
        heard = [[np.atleast_1d(to_array(loss)) for loss in both] for both in self._heard or ()]
        raw, flooded = np.array(heard).swapaxes(0, 1) if heard else np.empty((2, 0, 1))
        return raw, flooded

    def _set_level(self, level: Values, shape: tuple[int, ...] | None) -> None:
        self._level, self._shape = level, shape
        self._position.move(self._epoch, self.epochs, level, floods=self._batches.used)
        self._batches.set_level(level, shape)

    def _made_with(self) -> dict[str, Any]:
        return {"hold": list(astuple(self.hold)), **plain_settings(self, self._settings)}
