"""A flood scheduler in the Trainer of Hugging Face Transformers."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlflood.best_weights import BestWeights
from rlflood.errors import InputError, RlfloodWarning
from rlflood.extras import check_package
from rlflood.integrations.epoch import end_epoch
from rlflood.meter import Meter
from rlflood.schedulers.base import FloodScheduler
from rlflood.weight_average import WeightAverage

check_package("transformers", "this trainer needs Transformers")

from transformers import EarlyStoppingCallback, Trainer, TrainerCallback

STATE = "flood.pt"
"""In each checkpoint's folder: the state of the scheduler, the average and the best weights."""


class FloodTrainer(Trainer):
    """The Trainer under a flood scheduler, for classification::

        scheduler = rlflood.HoldFlood()
        arguments = TrainingArguments(num_train_epochs=3, eval_strategy="epoch")
        trainer = FloodTrainer(model, arguments, ..., scheduler=scheduler)
        trainer.train()
        trainer.average.module  # to deploy

    The loss of ``compute_loss`` is flooded in training alone, as the mean over a micro-batch: so before it is
    divided for accumulation, and not normalised by the items of a whole step. The model takes ``labels`` and
    gives ``loss`` and ``logits``, of a sequence or of each token. A scheduler that goes by the validation
    needs ``eval_strategy="epoch"`` and one ``eval_dataset``.

    Once an epoch it logs ``flood_level``, ``raw_train_loss``, ``ascended``, the share of the micro-batches
    that went up, and, of controllers, ``left_to_rule``. Each checkpoint's folder gets a file for the
    scheduler, the average and the best weights; ``train(resume_from_checkpoint=...)`` goes on from it.

    Args:
        scheduler: Of one network, made for as many epochs as ``num_train_epochs``.
        average: Keep the mean of the weights; see :class:`~rlflood.weight_average.WeightAverage`.
        arguments, keywords: As for the Trainer.

    Attributes:
        average: The mean, from the beginning of the training on; None without.

    Raises:
        InputError: from ``train``, where the model gives no logits for its labels, or the evaluation is not
            once an epoch although the scheduler goes by it.
    """

    def __init__(
        self, *arguments: Any, scheduler: FloodScheduler, average: bool = True, **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.scheduler, self.meter = scheduler, Meter(scheduler)
        self.average: WeightAverage | None = None
        self.best: BestWeights | None = None
        self.in_training = False
        self.loss_is_scaled_for_ga = False  # what compute_loss gives is a mean over the micro-batch
        self._wants_average = average
        self.add_callback(_Epochs(self))

    def train(self, resume_from_checkpoint: Any = None, *arguments: Any, **keywords: Any) -> Any:
        """As the Trainer's, from the scheduler's present state or that of the checkpoint."""
        self._check()
        model: Any = self.model
        self.average = WeightAverage(model, self.scheduler) if self._wants_average else None
        self.best = BestWeights(model) if self.scheduler.returning else None
        self.in_training = True
        try:
            return super().train(resume_from_checkpoint, *arguments, **keywords)
        finally:
            self.in_training = False

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss, flooded if it is one to train on."""
        if not model.training:  # it is called in evaluation, too
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.get("labels")
        loss, outputs = super().compute_loss(model, inputs, True)  # without the items: a mean
        parts = self.current_gradient_accumulation_steps
        flooded = self.meter(loss, *_counted(outputs, labels), parts=parts)
        return (flooded, outputs) if return_outputs else flooded

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> Any:
        """A batch of evaluation, which is counted if it is one of a training."""
        if not self.in_training:
            return super().prediction_step(model, inputs, prediction_loss_only, ignore_keys)
        loss, logits, labels = super().prediction_step(model, inputs, False, ignore_keys)
        found, targets = _counted({"logits": logits}, labels)
        assert loss is not None
        self.meter.validate(loss, found, targets)
        return (loss, None, None) if prediction_loss_only else (loss, logits, labels)

    def end_epoch(self) -> None:
        """Tell the scheduler of the epoch, which has been evaluated by now."""
        self.log(end_epoch(self.scheduler, self.meter, self.best))

    @property
    def evaluates(self) -> bool:
        """Whether each epoch is evaluated."""
        return str(getattr(self.args.eval_strategy, "value", self.args.eval_strategy)) == "epoch"

    def save_state_beside(self, folder: Path) -> None:
        """Write what a resumed training needs into a checkpoint's folder."""
        parts = {"scheduler": self.scheduler, "average": self.average, "best": self.best}
        state = {name: part.state_dict() for name, part in parts.items() if part is not None}
        torch.save(state, folder / STATE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        file = Path(resume_from_checkpoint) / STATE
        if not file.exists():
            raise InputError(
                f"{resume_from_checkpoint} is no checkpoint of a FloodTrainer: it has no {STATE}"
            )
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.scheduler.load_state_dict(state["scheduler"])
        for name, part in (("average", self.average), ("best", self.best)):
            if part is not None and name in state:
                part.load_state_dict(state[name])

    def _check(self) -> None:
        """Make sure that the scheduler gets what it needs; warn of what does not go together with it."""
        if self.scheduler.needs_validation and not self.evaluates:
            raise InputError(
                f"{type(self.scheduler).__name__} goes by the validation of each epoch: give "
                'eval_strategy="epoch" and an eval_dataset, or take a scheduler that goes without'
            )
        if isinstance(self.eval_dataset, Mapping):
            raise InputError("a scheduler goes by one validation: give one eval_dataset, not several by name")
        if self.scheduler.epochs not in (None, self.args.num_train_epochs):
            warnings.warn(
                f"the scheduler plans for {self.scheduler.epochs} epochs, and num_train_epochs is "
                f"{self.args.num_train_epochs:g}: make them equal",
                RlfloodWarning,
                stacklevel=3,
            )
        callbacks = self.callback_handler.callbacks
        patient = ["EarlyStoppingCallback"] * any(isinstance(c, EarlyStoppingCallback) for c in callbacks)
        if "plateau" in str(self.args.lr_scheduler_type):
            patient.append("ReduceLROnPlateau")
        if patient:
            warnings.warn(
                f"{' and '.join(patient)} beside flooding: a run whose loss is held up seems to have "
                "stalled. Leave it out, or give it a patience of the whole run",
                RlfloodWarning,
                stacklevel=3,
            )


class _Epochs(TrainerCallback):
    """Tells the trainer of steps, epochs and checkpoints."""

    def __init__(self, trainer: FloodTrainer) -> None:
        self._trainer = trainer

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if self._trainer.average is not None:
            self._trainer.average.update()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        if not self._trainer.evaluates:  # else the evaluation comes first, and later than this
            self._trainer.end_epoch()

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        if self._trainer.in_training and self._trainer.evaluates:
            self._trainer.end_epoch()

    def on_save(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
        self._trainer.save_state_beside(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def _counted(outputs: Any, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits, the classes on axis 1, and labels."""
    if isinstance(outputs, Mapping):
        logits = outputs.get("logits")
    else:
        logits = outputs[1] if len(outputs) > 1 else None
    fits = isinstance(logits, Tensor) and labels is not None and logits.shape[:-1] == labels.shape
    if logits is None or labels is None or not fits or logits.shape[-1] < 2:
        shapes = [None if part is None else tuple(part.shape) for part in (logits, labels)]
        raise InputError(
            "FloodTrainer is for classification: the model takes labels and gives a logit for each class, "
            f"got logits of shape {shapes[0]} and labels of shape {shapes[1]}"
        )
    return logits.movedim(-1, 1), labels
