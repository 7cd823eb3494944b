"""A flood scheduler in skorch: a classifier for scikit-learn whose training loss is flooded."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlflood.best_weights import BestWeights
from rlflood.errors import InputError
from rlflood.extras import check_package
from rlflood.integrations.epoch import end_epoch
from rlflood.integrations.scheduler import Flood, make_scheduler
from rlflood.meter import Meter
from rlflood.schedulers import FloodScheduler
from rlflood.weight_average import WeightAverage

check_package("skorch", "this classifier needs skorch")

from skorch import NeuralNetClassifier
from skorch.dataset import unpack_data


@dataclass
class _Beside:
    """What is kept beside the module: in one place that is no module, as skorch wants modules registered."""

    meter: Meter
    average: WeightAverage | None
    best: BestWeights | None


class FloodNet(NeuralNetClassifier):  # type: ignore[misc]
    """skorch's ``NeuralNetClassifier`` under a flood scheduler::

        net = FloodNet(MyModule, max_epochs=50, lr=0.1)
        net.fit(X, y).predict(X)

    The module gives logits. Each ``fit`` makes a scheduler of its own, so that ``clone``, ``GridSearchCV``
    (over ``flood``, too) and ``cross_val_score`` work as ever; ``partial_fit`` goes on with the one that is
    there. The validation is that of ``train_split`` and is not flooded. Without one (``train_split=None``)
    only schedulers that need none can be used.

    The history has ``flood_level``, ``raw_train_loss``, which equals skorch's ``train_loss``, ``ascended``,
    the share of the batches that went up, and, of controllers, ``left_to_rule``.

    Args:
        module: As for skorch; gives logits of shape ``(samples, classes)``.
        flood: ``hold``, the rule :class:`~rlflood.schedulers.HoldFlood`; the name or file of a controller; or
            a function that makes a scheduler, given the epochs and the classes.
        average: Whether the mean of the weights takes the place of the last ones when training ends; see
            :class:`~rlflood.weight_average.WeightAverage`.
        criterion: Of logits and class numbers, a mean over the batch.
        arguments, keywords: As for skorch.

    Attributes:
        flood_scheduler_: The scheduler of the last fit.

    Raises:
        InputError: from ``fit``, where the scheduler goes by the validation and there is none.
    """

    def __init__(
        self,
        module: Any,
        *arguments: Any,
        flood: Flood = "hold",
        average: bool = True,
        criterion: Any = nn.CrossEntropyLoss,
        **keywords: Any,
    ) -> None:
        super().__init__(module, *arguments, criterion=criterion, **keywords)
        self.flood = flood
        self.average = average

    def initialize(self) -> "FloodNet":
        """Make module, optimizer and all else anew; the next training makes a scheduler."""
        super().initialize()
        self.flood_scheduler_: FloodScheduler | None = None
        return self

    def on_epoch_begin(self, net: Any, **keywords: Any) -> None:
        """Before the first epoch: make the scheduler, and what is kept beside the module."""
        super().on_epoch_begin(net, **keywords)
        if self.flood_scheduler_ is not None:
            return
        # the classes are known from here on
        scheduler = make_scheduler(self.flood, epochs=self.max_epochs, classes=len(self.classes_))
        if scheduler.needs_validation and self.train_split is None:
            raise InputError(
                f"{type(scheduler).__name__} goes by the validation, and train_split=None leaves none: let "
                "skorch split, or take a controller that sees the training alone, as "
                'rlflood.integrations.scikit_learn.FloodClassifier(flood="blind") does'
            )
        if scheduler.criterion != "cross-entropy":
            raise InputError(
                f"this controller is for {scheduler.criterion}, and FloodNet trains with a plain loss: take "
                "rlflood.integrations.scikit_learn.FloodClassifier, which brings the criterion"
            )
        self.flood_scheduler_ = scheduler
        self._beside = _Beside(
            Meter(scheduler),
            WeightAverage(self.module_, scheduler) if self.average else None,
            BestWeights(self.module_) if scheduler.returning else None,
        )

    def train_step_single(self, batch: Any, **parameters: Any) -> dict[str, Any]:
        """A step whose loss is flooded; the loss that skorch is told of is raw."""
        self._set_training(True)
        inputs, targets = unpack_data(batch)
        predicted = self.infer(inputs, **parameters)
        loss = self.get_loss(predicted, targets, X=inputs, training=True)
        self._beside.meter(loss, _logits(predicted), targets.to(loss.device)).backward()
        return {"loss": loss, "y_pred": predicted}

    def validation_step(self, batch: Any, **parameters: Any) -> dict[str, Any]:
        """A batch of validation, which is counted and not flooded."""
        step: dict[str, Any] = super().validation_step(batch, **parameters)
        _, targets = unpack_data(batch)
        self._beside.meter.validate(step["loss"], _logits(step["y_pred"]), targets.to(step["loss"].device))
        return step

    def on_batch_end(self, net: Any, batch: Any = None, training: bool = False, **keywords: Any) -> None:
        """Average after each step of the optimizer."""
        super().on_batch_end(net, batch=batch, training=training, **keywords)
        if training and self._beside.average is not None:
            self._beside.average.update()

    def on_epoch_end(self, net: Any, **keywords: Any) -> None:
        """Tell the scheduler of the epoch."""
        assert self.flood_scheduler_ is not None
        logged = end_epoch(self.flood_scheduler_, self._beside.meter, self._beside.best)
        for name, value in logged.items():
            self.history.record(name, value)
        super().on_epoch_end(net, **keywords)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **keywords: Any) -> None:
        """Put the mean of the weights in place of the last ones."""
        if self._beside.average is not None and int(self._beside.average.n_averaged):
            self.module_.load_state_dict(self._beside.average.module.state_dict())
        super().on_train_end(net, X=X, y=y, **keywords)


def _logits(predicted: Any) -> Tensor:
    """The first of what a module gives, as skorch itself takes it."""
    logits = predicted[0] if isinstance(predicted, tuple) else predicted
    assert isinstance(logits, torch.Tensor)
    return logits
