"""A flood scheduler in Lightning, as a callback."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from rlflood.best_weights import BestWeights
from rlflood.errors import InputError, RlfloodWarning
from rlflood.extras import check_package
from rlflood.integrations.epoch import end_epoch
from rlflood.meter import Meter
from rlflood.schedulers.base import FloodScheduler
from rlflood.weight_average import WeightAverage

check_package("pytorch_lightning", "this callback needs Lightning")

from pytorch_lightning import Callback, LightningModule, Trainer

_STEP = "training_step"
_RETURNS = 'return {"loss": loss, "logits": logits, "targets": y}'


class FloodCallback(Callback):
    """Floods the loss of ``training_step``, and tells a scheduler of each epoch::

        scheduler = rlflood.HoldFlood()
        flooding = FloodCallback(scheduler)
        Trainer(max_epochs=20, callbacks=[flooding]).fit(model, train_loader, val_loader)
        flooding.average.module  # to deploy

    ``training_step`` and ``validation_step`` return ``{"loss": loss, "logits": logits, "targets": y}``, the
    loss raw: what a :class:`~rlflood.meter.Meter` counts. The loss is flooded as it leaves
    ``training_step``, so before Lightning divides it for accumulation and scales it for mixed precision, and
    nowhere else. Only the first validation loader counts; an epoch without validation is told as such, and
    the sanity check not at all.

    It logs ``flood_level``, ``raw_train_loss``, ``ascended``, the share of the batches that went up, and, of
    controllers, ``left_to_rule``, once an epoch. Its state, in Lightning's checkpoints, is the scheduler's,
    the average's and that of the best weights; of an epoch that a checkpoint cuts in two, the first part is
    not counted.

    Args:
        scheduler: Of one network, made for as many epochs as the trainer's ``max_epochs``.
        average: Keep the mean of the weights; see :class:`~rlflood.weight_average.WeightAverage`.

    Attributes:
        average: The mean, from the beginning of ``fit`` on; None without.

    Raises:
        InputError: from ``fit``, where optimization is manual, a step does not return what it should, or the
            scheduler goes by the validation and there is none.
    """

    def __init__(self, scheduler: FloodScheduler, *, average: bool = True) -> None:
        self.scheduler, self.meter = scheduler, Meter(scheduler)
        self.average: WeightAverage | None = None
        self._wants_average = average
        self._best: BestWeights | None = None
        self._waiting: dict[str, Any] = {}  # a checkpoint's, until there is a model to load it into
        self._steps = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the average, and let the losses pass through the scheduler."""
        if stage != "fit":
            return
        if not pl_module.automatic_optimization:
            raise InputError(
                "with automatic_optimization = False nobody sees the loss: call the scheduler on it in your "
                "training_step, and leave the callback out"
            )
        if self.average is None and self._wants_average:
            self.average = WeightAverage(pl_module, self.scheduler)
        if self._best is None and self.scheduler.returning:
            self._best = BestWeights(pl_module)
        setattr(pl_module, _STEP, self._flooded(getattr(pl_module, _STEP), trainer))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the module as it was."""
        pl_module.__dict__.pop(_STEP, None)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on from a checkpoint; warn of what does not go together with flooding."""
        if self._waiting:
            self._load(self._waiting)
            self._waiting = {}
        if self.scheduler.needs_validation and not trainer.enable_validation:
            raise InputError(
                f"{type(self.scheduler).__name__} goes by the validation, and there is none: give fit() a "
                "validation loader, or take a scheduler that goes without"
            )
        if self.scheduler.epochs not in (None, trainer.max_epochs):
            warnings.warn(
                f"the scheduler plans for {self.scheduler.epochs} epochs, and max_epochs is "
                f"{trainer.max_epochs}: make them equal",
                RlfloodWarning,
                stacklevel=2,
            )
        patient = ["EarlyStopping"] * bool(trainer.early_stopping_callbacks)
        if any(config.reduce_on_plateau for config in trainer.lr_scheduler_configs):
            patient.append("ReduceLROnPlateau")
        if patient:
            warnings.warn(
                f"{' and '.join(patient)} beside flooding: a run whose loss is held up seems to have "
                "stalled. Leave it out, or give it a patience of the whole run",
                RlfloodWarning,
                stacklevel=2,
            )
        if any(
            kind.__name__ == "WeightAveraging" for one in _callbacks(trainer) for kind in type(one).__mro__
        ):
            warnings.warn(
                "WeightAveraging beside flooding: Lightning validates its average, and the scheduler is told "
                "of that in place of the network. Leave it out: FloodCallback.average is an average",
                RlfloodWarning,
                stacklevel=2,
            )
        self._steps = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Average after each step of the optimizer: with accumulation not after each batch."""
        if trainer.global_step != self._steps:
            self._steps = trainer.global_step
            if self.average is not None:
                self.average.update()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch of validation, if it is one of ``fit``."""
        if trainer.sanity_checking or trainer.state.fn != "fit" or dataloader_idx:
            return
        self.meter.validate(*_counted(outputs, "validation_step"))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the scheduler of the epoch. Lightning has validated by now, and saves checkpoints later."""
        logged = end_epoch(self.scheduler, self.meter, self._best)
        pl_module.log_dict(logged, rank_zero_only=True)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed fit needs."""
        return {
            name: part.state_dict()
            for name, part in (
                ("scheduler", self.scheduler), ("average", self.average), ("best", self._best)
            )
            if part is not None
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`, as soon as the model is there."""
        self._waiting = state_dict

    def _load(self, state: Mapping[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])
        if self.average is not None and "average" in state:
            self.average.load_state_dict(state["average"])
        if self._best is not None and "best" in state:
            self._best.load_state_dict(state["best"])

    def _flooded(self, step: Callable[..., Any], trainer: Trainer) -> Callable[..., Any]:
        """The module's step, with its loss flooded."""

        def flooded(*arguments: Any, **keywords: Any) -> Any:
            output = step(*arguments, **keywords)
            # a batch that the module skips; or its validation_step calls its training_step
            if output is None or not trainer.training:
                return output
            loss, logits, targets = _counted(output, _STEP)
            loss = self.meter(loss, logits, targets, parts=trainer.accumulate_grad_batches)
            return {**output, "loss": loss, "logits": logits.detach()}

        return flooded


def _callbacks(trainer: Trainer) -> list[Callback]:
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def _counted(output: Any, step: str) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, logits and targets of what a step has returned."""
    if not isinstance(output, Mapping) or not {"loss", "logits", "targets"} <= output.keys():
        raise InputError(f"FloodCallback counts what {step} returns: let it {_RETURNS}")
    return output["loss"], output["logits"], output["targets"]
