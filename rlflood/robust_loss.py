"""A robust criterion under flooding, in a training loop of one's own."""

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, distributed, nn

from rlflood.errors import InputError
from rlflood.formulas import SAMPLE_WISE, cross_entropies, early_learning
from rlflood.strengths import CriterionName, check_criterion, checked_strength

_NO_LOSSES = {
    "mixup": "it mixes the inputs before the network sees them",
    "sam": "it takes a step of the optimizer with two gradients",
    "cross-entropy": "that needs none: call the scheduler on nn.CrossEntropyLoss()",
}


class Flooding(Protocol):
    """What floods the loss: every :class:`~rlflood.schedulers.FloodScheduler` of one network."""

    @property
    def level(self) -> Any:
        """One number for one network."""
        ...

    @property
    def strength(self) -> Any:
        """One number, or None where it sets none."""
        ...

    @property
    def criterion(self) -> CriterionName:
        """What it is for; the cross-entropy if for nothing else."""
        ...

    def __call__(self, loss: Tensor, *, plain: Tensor | None = None, parts: int = 1) -> Tensor:
        """The flooded loss."""
        ...


class RobustLoss(nn.Module):
    """The loss of a mini-batch under GCE, SCE, ELR or label smoothing, flooded by a scheduler::

        criterion = RobustLoss("elr", scheduler, samples=len(train_set), classes=10)
        for x, y, index in loader:
            loss = criterion(model(x), y, index)
            loss.backward()

    It calls the scheduler itself: with the cross-entropy, which levels are compared with, and on what a level
    turns. That is the criterion, but for ELR's regulariser, which is always descended on. The same formulas
    (:mod:`rlflood.formulas`) train the tasks of controllers and studies.

    Report :attr:`cross_entropy` as the train loss, and evaluate with the cross-entropy (not with this module,
    which floods and, under ELR, learns from whatever it is called on).

    Args:
        criterion: ``gce``, ``sce``, ``elr`` or ``label-smoothing``.
        scheduler: Floods the loss and, where it sets strengths, says how strong the criterion is in each
            epoch. Without one the loss is not flooded. Its state is not part of this module's.
        samples: Of ``elr``: how many the training set has, numbered from 0.
        classes: Of ``elr``: how many there are.
        strength: Where the scheduler sets none; None is the one of the criterion's paper.

    Attributes:
        cross_entropy: The mean cross-entropy of the last batch, shape ``()``, without graph: its train loss.
        targets: Of ``elr``: the running mean of each sample's predictions, shape ``(samples, classes)``, a
            buffer, so that it is in ``state_dict()`` and goes to the network's device with ``.to(device)``.

    Raises:
        InputError: if there is no such criterion, or it is none of a loss alone (mixup, SAM); it cannot have
            the strength; ``elr`` lacks ``samples`` or ``classes``; or the scheduler steers several networks,
            is for another criterion, or sets the strength that is given, too.
    """

    targets: Tensor
    _strength: Tensor

    def __init__(
        self,
        criterion: CriterionName,
        scheduler: Flooding | None = None,
        *,
        samples: int | None = None,
        classes: int | None = None,
        strength: float | None = None,
    ) -> None:
        super().__init__()
        check_criterion(criterion)
        if criterion in _NO_LOSSES:
            raise InputError(
                f"{criterion} is no loss that a loop of one's own can call: {_NO_LOSSES[criterion]}"
            )
        if scheduler is not None:
            _check_scheduler(criterion, scheduler, strength)
        if criterion == "elr" and (samples is None or classes is None or samples < 1 or classes < 2):
            raise InputError(
                "elr keeps a target for each training sample: give samples=len(train_set) and classes=, got "
                f"samples={samples} and classes={classes}"
            )
        self.criterion, self.scheduler = criterion, scheduler
        self._given = checked_strength(criterion, strength)
        # refilled in place when it changes: a batch waits for nothing, a compiled step follows it
        self._present = float(self._given)
        self.register_buffer("_strength", torch.full((1, 1), self._present), persistent=False)
        shape = (samples or 0, classes or 0) if criterion == "elr" else None
        self.register_buffer("targets", None if shape is None else torch.zeros(shape))
        self.cross_entropy: Tensor | None = None

    def forward(
        self, logits: Tensor, labels: Tensor, index: Tensor | None = None, *, parts: int = 1
    ) -> Tensor:
        """The loss to differentiate, shape ``()``.

        Args:
            logits: Shape ``(samples, classes)``, in any precision; the loss is computed in float32 or better.
            labels: Class numbers, shape ``(samples,)``.
            index: The samples' numbers within the training set, from 0, shape ``(samples,)``. Only ``elr``
                needs them.
            parts: With gradient accumulation, how many successive losses make one step of the optimizer, as a
                scheduler's own call takes it.

        Raises:
            InputError: if the shapes don't fit, ``index`` is missing, the scheduler's strength is none that
                the criterion can have, or ``elr`` is trained in several processes.
        """
        _check_shapes(logits, labels)
        self._set_strength()
        logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        own_classes = torch.ones(1, 1, logits.shape[1], dtype=torch.bool, device=logits.device)
        replica, strength = logits[None], self._strength.to(logits)
        losses = plain = cross_entropies(replica, labels[None])
        if self.criterion in SAMPLE_WISE:
            losses = SAMPLE_WISE[self.criterion](replica, plain, strength, own_classes)
        loss, self.cross_entropy = losses.mean(), plain.detach().mean()
        if self.scheduler is not None:
            loss = self.scheduler(loss, plain=self.cross_entropy, parts=parts)
        if self.criterion == "elr":
            loss = loss + strength[0, 0] * self._regulariser(replica, index, own_classes)
        return loss

    def _set_strength(self) -> None:
        """Take over what the scheduler says of this epoch."""
        said = None if self.scheduler is None else self.scheduler.strength
        strength = self._given if said is None else checked_strength(self.criterion, said)
        value = float(np.reshape(strength, ()))
        if value != self._present:
            self._strength.fill_(value)
            self._present = value

    def _regulariser(self, logits: Tensor, index: Tensor | None, own_classes: Tensor) -> Tensor:
        """ELR's, the mean over the batch; the targets take the predictions in."""
        samples, classes = self.targets.shape
        if index is None or index.shape != logits.shape[1:2] or logits.shape[2] != classes:
            what = "no index" if index is None else f"an index of shape {tuple(index.shape)}"
            raise InputError(
                f"elr keeps targets for {samples} samples of {classes} classes: call it as "
                "criterion(model(x), y, index) with the samples' numbers in the training set; got logits of "
                f"shape {tuple(logits.shape[1:])} and {what}"
            )
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            raise InputError(
                "elr keeps the targets of all samples in one process: train in one, or with gce or sce"
            )
        index = index.to(self.targets.device, non_blocking=True)
        targets, regularisers = early_learning(logits, self.targets[index][None].to(logits), own_classes)
        self.targets[index] = targets[0].to(self.targets)
        return regularisers.mean()


def _check_scheduler(criterion: CriterionName, scheduler: Flooding, strength: float | None) -> None:
    if np.size(scheduler.level) > 1:
        raise InputError("one loss is of one network, but the scheduler steers several")
    if scheduler.criterion not in ("cross-entropy", criterion):
        raise InputError(
            f"the controller is for {scheduler.criterion}, not for {criterion}: make "
            f'RobustLoss("{scheduler.criterion}", ...)'
        )
    if strength is not None and scheduler.strength is not None:
        raise InputError("the controller sets the strength: leave strength= out")


def _check_shapes(logits: Tensor, labels: Tensor) -> None:
    if logits.dim() != 2 or labels.shape != logits.shape[:1] or labels.is_floating_point():
        raise InputError(
            "the loss is of logits (samples, classes) and class numbers (samples,): got shapes "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}, labels of type {labels.dtype}"
        )
