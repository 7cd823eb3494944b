"""A classifier for scikit-learn that is trained under a flood scheduler."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from rlflood.best_weights import BestWeights
from rlflood.errors import InputError
from rlflood.extras import check_room
from rlflood.integrations.epoch import end_epoch
from rlflood.integrations.scheduler import Flood, make_scheduler
from rlflood.meter import Meter
from rlflood.robust_loss import RobustLoss
from rlflood.schedulers import FloodScheduler
from rlflood.weight_average import WeightAverage, steps_of_average

check_room("data")  # scikit-learn may be missing from an installation without dependencies

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rlflood.data.splits import stratified

_AT_ONCE = 4096  # samples that are evaluated together
_LARGEST = float(np.finfo(np.float32).max)

_Samples = tuple[Tensor, Tensor]


class FloodClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A neural network for tables whose training loss is flooded, as an estimator of scikit-learn::

        FloodClassifier(random_state=0).fit(X, y).predict(X)

    It is a multilayer perceptron with ReLU, or a module of one's own, trained by Adam for exactly so many
    epochs, since schedulers plan for the length of a run. What predicts is the average of its weights.

    Features are standardised inside, by the samples that are trained on. Where the scheduler goes by the
    validation, a share of the samples is set apart for it, stratified by class; where it does not, as under
    ``blind``, all are trained on. Under a controller that was made for a criterion (``robust`` and ``blind``:
    ELR) the network is trained with it.

    Args:
        hidden_layer_sizes: Units of each hidden layer of the perceptron.
        module: Another network in place of the perceptron: a class or function that, given the number of
            features and that of classes, makes a ``torch.nn.Module`` of logits ``(samples, classes)``.
        flood: ``hold``, the rule :class:`~rlflood.schedulers.HoldFlood`; the name or file of a controller; or
            a function that makes a scheduler, given the epochs and the classes.
        average: Whether the mean of the weights predicts, or the last ones; see
            :class:`~rlflood.weight_average.WeightAverage`.
        epochs: Passes over the training samples, all of which are made.
        batch_size: The most samples of a mini-batch.
        learning_rate: Adam's.
        validation_fraction: The share of the samples that a scheduler's validation gets. With 0 or None only
            schedulers that need no validation can be used.
        standardise: Whether features are; without, the network sees them as they come.
        random_state: A seed, or a generator of NumPy: for the split, the weights, the order of samples, and
            dropout. PyTorch's own generator is left as it was.

    Attributes:
        classes_: The labels, shape ``(classes,)``.
        n_features_in_: How many features there are.
        feature_names_in_: Their names, if the table had any.
        network_: What predicts: a module in evaluation mode.
        scaler_: scikit-learn's ``StandardScaler``; None without ``standardise``.
        history_: Of each epoch ``flood_level``, ``raw_train_loss``, ``ascended``, the share of the batches
            that went up, and, of controllers, ``left_to_rule``.
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        *,
        module: Callable[[int, int], nn.Module] | None = None,
        flood: Flood = "hold",
        average: bool = True,
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        validation_fraction: float | None = 0.2,
        standardise: bool = True,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.module = module
        self.flood = flood
        self.average = average
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.standardise = standardise
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "FloodClassifier":
        """Train a network anew.

        Args:
            X: Numbers, shape ``(samples, features)``, dense and without missing values.
            y: Labels of two classes or more, numbers or strings, shape ``(samples,)``.

        Raises:
            InputError: if a setting cannot be used, all labels are of one class, the scheduler goes by the
                validation and there is none, the network gives no logits, or training diverges.
            ValueError: scikit-learn's own, if ``X`` or ``y`` is not such an array.
        """
        self._check_settings()
        table, given = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(given)
        self.classes_, labels = np.unique(given, return_inverse=True)
        features, classes = self.n_features_in_, len(self.classes_)
        if classes < 2:
            raise InputError(f"y has one class, {self.classes_[0]}: a classifier needs two or more")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        scheduler = make_scheduler(self.flood, epochs=self.epochs, classes=classes)
        train, val = _split(labels, scheduler, self.validation_fraction, np.random.default_rng(seed))
        self.scaler_ = StandardScaler().fit(table[train]) if self.standardise else None
        # a user's module may draw its weights and its dropout from PyTorch's own generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self._make_network(features, classes)
            samples = self._inputs(table, network), torch.from_numpy(labels)
            network, self.history_ = self._train(
                network, scheduler, *(_rows(samples, s) for s in (train, val))
            )
        # of our own in double precision, so that a row's answer does not hang on the rows beside it
        self.network_ = (network.double() if self.module is None else network).eval()
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each sample, shape ``(samples,)``."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        predicted: NDArray[Any] = self.classes_[most_probable]
        return predicted

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The probability of each class, in the order of ``classes_``: shape ``(samples, classes)``."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        with torch.inference_mode():
            parts = self._inputs(table, self.network_).split(_AT_ONCE)
            logits = torch.cat([_logits(self.network_, part, len(self.classes_)) for part in parts])
        return logits.double().softmax(dim=1).numpy()

    def _check_settings(self) -> None:
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object))
        counts: dict[str, Any] = {
            "epochs": [self.epochs],
            "batch_size": [self.batch_size],
            "hidden_layer_sizes": sizes,
        }
        for name, values in counts.items():
            if not all(isinstance(value, Integral) and int(value) >= 1 for value in values):
                raise InputError(f"{name} takes whole numbers from 1 on: got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate is above 0: got {self.learning_rate!r}")
        if not 0 <= (self.validation_fraction or 0) < 1:
            raise InputError(
                "validation_fraction is at least 0 and below 1, or None, as 0: got "
                f"{self.validation_fraction!r}"
            )
        if self.module is not None and (isinstance(self.module, nn.Module) or not callable(self.module)):
            raise InputError(
                "module is what makes a network, a class or a function of the features and the classes, as "
                f"each fit trains one of its own: got {self.module!r}"
            )

    def _make_network(self, features: int, classes: int) -> nn.Module:
        if self.module is not None:
            return self.module(features, classes)
        sizes = (features, *map(int, np.atleast_1d(self.hidden_layer_sizes)), classes)
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    def _inputs(self, table: NDArray[np.float64], network: nn.Module) -> Tensor:
        """The features as the network takes them, in the precision of its weights."""
        if self.scaler_ is not None:
            table = self.scaler_.transform(table)
        # an outlier that training has not seen may lie further out than float32 reaches
        table = np.clip(table, -_LARGEST, _LARGEST)
        kinds = (weight.dtype for weight in network.parameters() if weight.is_floating_point())
        return torch.from_numpy(table).to(next(kinds, torch.float32))

    def _train(
        self, network: nn.Module, scheduler: FloodScheduler, train: _Samples, val: _Samples
    ) -> tuple[nn.Module, list[dict[str, float]]]:
        """Train the network; what is to predict, and what is to be told of each epoch."""
        (x, y), classes = train, len(self.classes_)
        # of equal size: a last one of a few samples would weigh as much as the others, one fails batch norm
        batches = math.ceil(len(y) / self.batch_size)
        over = steps_of_average(self.epochs * batches)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        meter, loss_of = Meter(scheduler), _flooded_loss(scheduler, len(y), classes)
        average = WeightAverage(network, scheduler, over=over) if self.average else None
        best = BestWeights(network) if scheduler.returning else None
        history = []
        for _ in range(self.epochs):
            network.train()
            for index in torch.randperm(len(y)).tensor_split(batches):
                logits = _logits(network, x[index], classes)
                optimizer.zero_grad()
                loss_of(meter, logits, y[index], index).backward()
                optimizer.step()
                if average is not None:
                    average.update()
            _validate(network.eval(), meter, val, classes)
            history.append(end_epoch(scheduler, meter, best))
        deployed = network if average is None else average.module
        if not all(bool(weight.isfinite().all()) for weight in deployed.parameters()):
            raise InputError(
                f"training has diverged: take a learning_rate below {self.learning_rate:g}, or leave "
                "standardise on"
            )
        return deployed, history


def _split(
    labels: NDArray[np.int64], scheduler: FloodScheduler, share: float | None, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Rows to train on and rows for validation; none of these where the scheduler needs none."""
    samples, classes = len(labels), int(labels.max()) + 1
    kind = type(scheduler).__name__
    held_out = 0
    if scheduler.needs_validation:
        instead = 'take a scheduler that needs none, such as flood="blind"'
        if not share:
            raise InputError(
                f"{kind} goes by the validation, and validation_fraction={share} leaves none: give it some, "
                f"or {instead}"
            )
        held_out = min(max(1, round(share * samples)), samples - classes)
        if held_out < 1:
            raise InputError(
                f"{kind} goes by the validation, and n_samples={samples} of {classes} classes leave none "
                f"for it: give more, or {instead}"
            )
    return stratified(labels, (samples - held_out, held_out), rng, all_in_first=True)[:2]


def _rows(samples: _Samples, rows: NDArray[np.intp]) -> _Samples:
    x, y = samples
    return x[rows], y[rows]


def _flooded_loss(
    scheduler: FloodScheduler, samples: int, classes: int
) -> Callable[[Meter, Tensor, Tensor, Tensor], Tensor]:
    """What counts a batch and gives its loss, by the criterion that the scheduler is for."""
    if scheduler.criterion == "cross-entropy":
        return lambda meter, logits, y, index: meter(functional.cross_entropy(logits, y), logits, y)
    criterion = RobustLoss(scheduler.criterion, scheduler, samples=samples, classes=classes)

    def robust(meter: Meter, logits: Tensor, y: Tensor, index: Tensor) -> Tensor:
        loss: Tensor = criterion(logits, y, index)
        assert criterion.cross_entropy is not None
        meter.add(criterion.cross_entropy, logits, y)
        return loss

    return robust


@torch.no_grad()
def _validate(network: nn.Module, meter: Meter, samples: _Samples, classes: int) -> None:
    """Count the validation samples, if there are any."""
    for x, y in zip(*(part.split(_AT_ONCE) for part in samples), strict=True):
        if len(y):
            logits = _logits(network, x, classes)
            meter.validate(functional.cross_entropy(logits, y), logits, y)


def _logits(network: nn.Module, x: Tensor, classes: int) -> Tensor:
    logits = network(x)
    if not isinstance(logits, Tensor) or logits.shape != (len(x), classes):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(
            f"the network gives logits of shape (samples, classes), here {(len(x), classes)}: got {got}"
        )
    return logits
