"""The four metrics of an epoch, kept as a training loop goes."""

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, distributed

from rlflood.errors import InputError
from rlflood.metrics import Metrics

_SUMS = 3  # of losses, of hits, of samples


class Steering(Protocol):
    """What a meter steers by: every :class:`~rlflood.schedulers.FloodScheduler` of one network."""

    needs_validation: bool

    @property
    def level(self) -> Any:
        """One number for one network."""
        ...

    def __call__(self, loss: Tensor, *, parts: int = 1) -> Tensor:
        """The flooded loss."""
        ...

    def step(
        self,
        *,
        train_loss: float,
        train_acc: float,
        val_loss: float | None = ...,
        val_acc: float | None = ...,
    ) -> Any:
        """Take in an epoch."""
        ...


class _Split:
    """Sums over the samples of one split in this epoch, on the device of their losses."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        hits, counted = _hits(logits, targets)
        # float64 where there is one: a sum of float32 would lose what a million samples add to it
        kind = torch.float32 if loss.device.type == "mps" else torch.float64
        losses = torch.where(counted > 0, loss.detach().to(kind) * counted, 0)
        batch = torch.stack([value.to(loss.device, kind) for value in (losses, hits, counted)])
        self._sums = batch if self._sums is None else self._sums.to(batch) + batch

    def means(self) -> tuple[float, float] | None:
        """Mean loss and accuracy, over all processes; None if there were no samples."""
        sums = self._sums
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            # every process takes part, one without samples too
            sums = torch.zeros(_SUMS, dtype=torch.float64) if sums is None else sums
            if distributed.get_backend() == "nccl":
                sums = sums.to(torch.device("cuda", torch.cuda.current_device()))
            distributed.all_reduce(sums)
        if sums is None:
            return None
        loss, hits, samples = sums.tolist()  # the only time that the device is waited for
        return (loss / samples, hits / samples) if samples else None


class Meter:
    """Floods the loss of each batch, and tells the scheduler of each epoch what it has to know::

        meter = rlflood.Meter(scheduler)
        for epoch in range(epochs):
            for x, y in train_loader:
                logits = model(x)
                meter(criterion(logits, y), logits, y).backward()  # the flooded loss
                ...
            for x, y in val_loader:
                logits = model(x)
                meter.validate(criterion(logits, y), logits, y)
            meter.step()

    Losses are means over a batch, raw, as the scheduler's own call takes them; the means of the epoch are
    weighted by samples, whatever the sizes of batches. Sums stay on the device, in double precision: a batch
    waits for nothing. In several processes :meth:`step` takes the means over all of them, so each has to call
    it.

    Of what a batch was trained on, the accuracy is that of its logits before the step, as the train loss is.

    Args:
        scheduler: Of one network.

    Attributes:
        scheduler: What it steers by.
        metrics: Of the last epoch, raw; None before the first.

    Raises:
        InputError: if the scheduler steers several networks.
    """

    def __init__(self, scheduler: Steering) -> None:
        if np.ndim(scheduler.level):
            raise InputError(
                "a meter is for a loop of one network, and this scheduler steers "
                f"{np.size(scheduler.level)}: give its step() their metrics"
            )
        self.scheduler = scheduler
        self.metrics: Metrics | None = None
        self._train, self._val = _Split(), _Split()

    def __call__(self, loss: Tensor, logits: Tensor, targets: Tensor, *, parts: int = 1) -> Tensor:
        """Count a batch of training, and flood its loss.

        Args:
            loss: The batch's mean loss, raw, shape ``()``.
            logits: Shape ``(samples, classes)``, or ``(samples, classes, ...)`` with a prediction at each
                place; of two classes also ``(samples,)`` or ``(samples, 1)``, above 0 for class 1.
            targets: Class numbers, shape ``(samples, ...)``, or class probabilities in the shape of the
                logits. Negative class numbers are not counted, as ``ignore_index`` has them.
            parts: With gradient accumulation, how many batches make one step of the optimizer.

        Returns:
            The loss to differentiate.

        Raises:
            InputError: if the loss is no mean of a batch, or the shapes don't fit.
        """
        self.add(loss, logits, targets)
        return self.scheduler(loss, parts=parts)

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Count a batch of training whose loss is flooded elsewhere.

        Under a :class:`~rlflood.robust_loss.RobustLoss` the loss to count is its ``cross_entropy``.
        """
        self._train.add(_mean_loss(loss), logits, targets)

    def validate(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Count a batch of validation: its raw loss, by the same criterion, which nothing floods."""
        self._val.add(_mean_loss(loss), logits, targets)

    def step(self) -> Metrics:
        """Tell the scheduler of the epoch, and begin the next one.

        Without a batch of validation the scheduler is told that there was none.

        Returns:
            What it was told; ``val_loss`` and ``val_acc`` are NaN without validation.

        Raises:
            InputError: if there was no batch of training.
        """
        train, val = self._train.means(), self._val.means()
        if train is None:
            raise InputError(
                "the meter has counted no batch of training: call meter(loss, logits, targets) on each"
            )
        self._train, self._val = _Split(), _Split()
        self._tell(*train, *((None, None) if val is None else val))
        self.metrics = Metrics(*train, *((float("nan"),) * 2 if val is None else val))
        return self.metrics

    def _tell(
        self, train_loss: float, train_acc: float, val_loss: float | None, val_acc: float | None
    ) -> None:
        if val_loss is None and not self.scheduler.needs_validation:
            self.scheduler.step(train_loss=train_loss, train_acc=train_acc)
        else:
            self.scheduler.step(
                train_loss=train_loss, train_acc=train_acc, val_loss=val_loss, val_acc=val_acc
            )


def _mean_loss(loss: Tensor) -> Tensor:
    """The loss, if it is one number."""
    if loss.dim():
        raise InputError(
            f"a meter counts the mean loss of a batch, one number: got shape {tuple(loss.shape)}. "
            'Make the criterion with reduction="mean"'
        )
    return loss


def _hits(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """How many predictions are right, and how many count, each of shape ``()``."""
    if logits.dim() < 2 or (logits.dim() == 2 and logits.shape[1] == 1):
        predicted, targets = logits.reshape(-1) > 0, targets.reshape(-1)
        if targets.is_floating_point():
            targets = targets > 0.5
    else:
        predicted = logits.argmax(1)
        if targets.shape == logits.shape and targets.is_floating_point():
            targets = targets.argmax(1)
    if predicted.shape != targets.shape:
        raise InputError(
            f"logits of shape {tuple(logits.shape)} do not fit targets of shape {tuple(targets.shape)}: "
            "give class numbers, one for each prediction, or probabilities in the shape of the logits"
        )
    counts = targets >= 0
    return ((predicted == targets) & counts).sum(), counts.sum()
