"""The population trainer: many small networks trained as one stacked network."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from rlflood.data import Split
from rlflood.errors import InputError
from rlflood.formulas import cross_entropies
from rlflood.holding import Hold
from rlflood.metrics import Metrics
from rlflood.strengths import checked_strength
from rlflood.training.averaging import Kept
from rlflood.training.copying import check_sources, cloned, with_copies
from rlflood.training.criteria import check_together, make_criterion
from rlflood.training.machine import Machine
from rlflood.training.mlp.graph import EpochGraph
from rlflood.training.mlp.network import StackedMLP
from rlflood.training.objectives import Flooding, MakeObjective
from rlflood.training.optimizer import load_optimizer, make_optimizer, set_learning_rate
from rlflood.training.order import batch_order
from rlflood.training.precision import autocast, matrix_products
from rlflood.training.predictions import Predictions
from rlflood.training.task import Task, check_population, made_once
from rlflood.training.trainer import Evaluation, Moment, SplitName

# activations of one evaluation pass stay below this many numbers (a quarter of a GB in float32)
_EVALUATION_CHUNK = 64_000_000
_NO_CLASS = -100  # cross_entropy's ignore_index


class _StackedSplit:
    """One split of every replica; replicas on the same data share its storage.

    Test splits may have different sizes (all that a data set has left). Shorter ones are padded with samples
    that belong to no class: they have no loss and no prediction of theirs is right.
    """

    def __init__(self, splits: Sequence[Split], index: Tensor, features: int, device: torch.device) -> None:
        sizes = torch.tensor([len(split) for split in splits])
        self.samples = int(sizes.max())
        self.sizes = sizes[index].to(device)
        x = torch.zeros(len(splits), self.samples, features)
        y = torch.full((2, len(splits), self.samples), _NO_CLASS)
        for i, split in enumerate(splits):
            x[i, : len(split), : split.x.shape[1]] = torch.from_numpy(split.x)
            y[0, i, : len(split)] = torch.from_numpy(split.y)
            y[1, i, : len(split)] = torch.from_numpy(split.y_clean)
        self._x = x.to(device)
        self._y, self._y_clean = y.to(device)
        # the identity needs no gathering: a view of the storage serves
        self._index = None if torch.equal(index, torch.arange(len(splits))) else index.to(device)
        self._firsts = (index * self.samples)[:, None].to(device)  # rows of the storage as one table

    def rows(self, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, labels and clean labels of every replica for a range of samples."""
        parts = (self._x[:, rows], self._y[:, rows], self._y_clean[:, rows])
        return parts if self._index is None else tuple(part[self._index] for part in parts)  # type: ignore[return-value]

    def batch(self, order: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and labels for sample numbers of shape ``(replicas, batch)``."""
        # whole rows of one table are copied up to twice as fast as what two indices pick
        rows = (self._firsts + order).flatten()
        x, y = (part.flatten(0, 1).index_select(0, rows) for part in (self._x, self._y))
        return x.unflatten(0, order.shape), y.unflatten(0, order.shape)


class PopulationTrainer:
    """Trains one multilayer perceptron for each task given, all of them stacked.

    Each replica has its own data, labels, initialisation, batch order and flood level. What replica ``i``
    does depends on ``tasks[i]`` and its two seeds alone, not on its neighbours: a stack of 256 gives what
    256 separate trainings give, up to rounding, and a replica that diverges harms nobody else.

    Args:
        tasks: One task for each replica. They may differ in their data, features and classes, and in their
            criterion's strength; all else (:attr:`Task.stack_key`) is shared.
        data_seeds: Seed of each replica's samples, label noise and splits.
        network_seeds: Seed of each replica's initialisation, batch order and dropout.
        machine: Where to train; its threads are others' affair.
        keep_best: Keep each replica's weights of its best validation accuracy (ties go to the lower
            validation loss) for ``evaluate(..., "best")``; of its average, too, if there is one.
        average: Keep the average of each replica's weights, exponential over so many steps of the optimizer
            until :meth:`begin_average`; None keeps none.
        hold: How levels are held.
        objective: Makes what is differentiated; None is flooding.

    Attributes:
        levels: Level of each replica in the epoch just trained, shape ``(replicas,)``: the one given, or what
            the objective says that it was. NaN before the first epoch.

    Raises:
        ValueError: if the numbers of tasks and seeds differ, the tasks don't fit one stack, or the objective
            does not fit the replicas.
        InputError: if the data cannot be loaded or is too small for a task's splits, the device or the
            precision is not to be had, or the objective does not go with the tasks' criterion.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        data_seeds: Sequence[int],
        network_seeds: Sequence[int],
        *,
        machine: Machine = Machine(),
        keep_best: bool = False,
        average: float | None = None,
        hold: Hold = Hold(),
        objective: MakeObjective | None = None,
    ) -> None:
        check_population(tasks, data_seeds, network_seeds)
        task = tasks[0]
        self.task, self.replicas, self.epoch = task, len(tasks), 0
        self.device, self.precision = machine.torch_device, machine.number_format
        if task.network != "mlp":
            raise ValueError(f"a stack is of multilayer perceptrons: {task.network} needs a ModuleTrainer")
        if self.precision == "float16":
            raise InputError("float16 is for networks of images: use bfloat16, float32 or auto")

        self.splits, numbers = made_once(tasks, data_seeds, Task.split)
        index = torch.tensor(numbers)
        features = max(splits.features for splits in self.splits)
        stacked = {
            name: _StackedSplit(
                [getattr(splits, name) for splits in self.splits], index, features, self.device
            )
            for name in ("train", "val")
        }
        self._train, self._val = stacked["train"], stacked["val"]
        self._index, self._features = index, features
        self._test: _StackedSplit | None = None

        own = [self.splits[number] for number in numbers]
        self.classes = np.array([splits.classes for splits in own])
        self.network = StackedMLP(
            [splits.features for splits in own],
            [splits.classes for splits in own],
            task.hidden,
            network_seeds,
            batch_norm=task.batch_norm,
            dropout=task.dropout,
        ).to(self.device)
        self._criterion = make_criterion(
            task.criterion,
            network=self.network,
            own_classes=self.network.own_classes,
            samples=self._train.samples,
            seeds=network_seeds,
        )
        self._strengths = np.array([checked_strength(own.criterion, own.strength) for own in tasks])
        self._predictions = Predictions(self.replicas, self._train.samples, self.device)
        self._order_seeds = torch.tensor(network_seeds, dtype=torch.int64, device=self.device)
        self._kept = Kept(
            self.network.state_dict(), self.replicas, best=keep_best, average=average, counted_on=self.device
        )
        self.average_validation: Evaluation | None = None
        self.levels = np.full(self.replicas, np.nan)
        self._objective = Flooding(hold) if objective is None else objective(np.arange(self.replicas))
        check_together(self._objective, self._criterion, task.criterion)
        self._objective.attach(self.network, self._losses)
        # what an epoch reads and writes besides weights stays in its place, for the sake of graphs
        self._level = torch.zeros(self.replicas, device=self.device)
        self._sums = torch.zeros(2, self.replicas, device=self.device)  # training loss and hits
        batched = task.batch_size is not None and task.batch_size < self._train.samples
        self._order = (
            torch.zeros(self.replicas, self._train.samples, dtype=torch.int64, device=self.device)
            if batched
            else None
        )
        # what objectives, criteria and dropout keep on the host is not asked for by a replay
        captured = type(self._objective) is Flooding and self._criterion.captured and not task.dropout
        self._graph = EpochGraph(self.device) if captured else None
        # its updates are elementwise, so replicas don't mix
        self._optimizer = make_optimizer(task, self.network, captured=captured)

    def begin_average(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.begin_average`."""
        self._kept.begin_average(which)

    def return_to_best(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.return_to_best`."""
        back = self._kept.return_to_best(which)
        self._objective.forget(torch.from_numpy(back).to(self.device))

    def run_epoch(
        self, levels: NDArray[np.float64] | float, strengths: NDArray[np.float64] | float | None = None
    ) -> Metrics:
        """Train one epoch and evaluate the validation split; see :meth:`Trainer.run_epoch`."""
        self.levels = np.broadcast_to(levels, self.replicas).astype(np.float64)
        self._level.copy_(torch.from_numpy(self.levels))
        own = self._strengths if strengths is None else checked_strength(self.task.criterion, strengths)
        self._criterion.begin_epoch(self.epoch, np.broadcast_to(own, self.replicas).astype(np.float64))
        for group in self._optimizer.param_groups:
            set_learning_rate(group, self.task.learning_rate_in(self.epoch))
        if self._order is not None:
            self._order.copy_(batch_order(self._order_seeds, self.epoch, self._train.samples))
        self.network.train()
        self.network.begin_epoch(self.epoch)
        with matrix_products(self.precision):
            if self._graph is None:
                self._epoch_of_batches()
            else:
                self._graph(self._epoch_of_batches)
        loss_sum, hits = self._sums
        self._predictions.end_epoch()
        self.epoch += 1
        own_levels = self._objective.levels()
        if own_levels is not None:
            self.levels = own_levels.double().cpu().numpy()
        train = torch.stack([loss_sum, hits]) / self._train.samples
        found = [train, *(self._evaluate(self._val, network) for network in self._validated())]
        # one transfer an epoch: the only point at which the host waits for the device
        train_loss, train_acc, *validation = torch.cat(found).double().cpu().numpy()
        last, average = Evaluation(*validation[:3]), validation[3:]
        self.average_validation = Evaluation(*average) if average else None
        self._kept.keep(last, self.average_validation)
        return Metrics(train_loss, train_acc, last.loss, last.accuracy)

    def _epoch_of_batches(self) -> None:
        """Train one epoch at the level and in the order that lie on the device, without waiting for it."""
        self._sums.zero_()
        for x, y, samples in self._batches():
            batch = self._criterion.batch(self._logits, x, y, samples, self.epoch)
            self._objective(batch, self._level).sum().backward()
            self._criterion.after_backward()
            self._optimizer.step()
            self._optimizer.zero_grad()  # at once: a graph would have gradients beside those of before it
            self._objective.after_step()
            self._kept.update()
            with torch.no_grad():
                plain = batch.losses if batch.plain is None else batch.plain
                predicted = _predicted(batch.logits)
                self._predictions.note(samples, predicted)
                self._sums[0] += plain.mean(1) * y.shape[1]
                self._sums[1] += self._criterion.hits(predicted, y)

    @property
    def changed(self) -> NDArray[np.float64]:
        """See :attr:`Trainer.changed`."""
        return self._predictions.fetched()

    def evaluate(self, split: SplitName, moment: Moment = "last") -> Evaluation:
        """See :meth:`Trainer.evaluate`.

        Raises:
            ValueError: if that network is not kept.
        """
        sums = self._evaluate(self._split(split), self._network_of(moment))
        loss, accuracy, clean_accuracy = sums.double().cpu().numpy()
        return Evaluation(loss, accuracy, clean_accuracy)

    @torch.no_grad()
    def sample_losses(self, split: SplitName) -> NDArray[np.float64]:
        """See :meth:`Trainer.sample_losses`."""
        data = self._split(split)
        parts = [cross_entropies(logits, y) for logits, y, _ in self._outputs(data, self.network)]
        losses = torch.cat(parts, dim=1).double().cpu().numpy()
        losses[np.arange(data.samples) >= data.sizes.cpu().numpy()[:, None]] = np.nan
        return losses

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """See :meth:`Trainer.copy_replicas`."""
        check_sources(sources, np.array(self.network.features), self.classes)
        rows = torch.from_numpy(sources)
        self.load_state_dict(with_copies([self.state_dict()], 0, torch.zeros_like(rows), rows))

    def module(self, replica: int) -> nn.Sequential:
        """A copy of one replica as an ordinary ``nn.Sequential``."""
        return self.network.module(replica)

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`Trainer.state_dict`. The tensors are copies."""
        return {
            "epoch": self.epoch,
            "network": {name: value.clone() for name, value in self.network.state_dict().items()},
            "optimizer": cloned(self._optimizer.state_dict()),
            "kept": self._kept.state_dict(),
            "objective": self._objective.state_dict(),
            "criterion": self._criterion.state_dict(),
            "predictions": self._predictions.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`Trainer.load_state_dict`."""
        self.epoch = state["epoch"]
        self.network.load_state_dict(state["network"])
        load_optimizer(self._optimizer, state["optimizer"])
        if self._graph is not None:
            self._graph.forget()  # the optimizer has other tensors now
        self._kept.load_state_dict(state["kept"])
        self._objective.load_state_dict(state["objective"])
        self._criterion.load_state_dict(state["criterion"])
        self._predictions.load_state_dict(state["predictions"])

    def _validated(self) -> list[nn.Module]:
        """The networks that are evaluated each epoch."""
        return [self.network, *([self._network_of("average")] if self._kept.validates_average else [])]

    def _network_of(self, moment: Moment) -> nn.Module:
        weights = self._kept.weights(moment)
        return self.network if weights is None else _Frozen(self.network, weights)

    def _logits(self, x: Tensor) -> Tensor:
        with autocast(self.precision, self.device):
            logits: Tensor = self.network(x)
        return logits

    def _losses(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        """The criterion for an objective's own network."""
        with autocast(self.precision, self.device):
            logits = network(x)
        return self._criterion.losses(logits, labels)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Inputs, labels and sample numbers of each mini-batch of the epoch."""
        samples, size = self._train.samples, self.task.batch_size
        if size is None or size >= samples:
            x, y, _ = self._train.rows(slice(None))
            yield x, y, torch.arange(samples, device=self.device).expand(self.replicas, -1)
            return
        assert self._order is not None
        for start in range(0, samples, size):
            numbers = self._order[:, start : start + size]
            yield *self._train.batch(numbers), numbers

    def _split(self, name: SplitName) -> _StackedSplit:
        if name == "test" and self._test is None:
            self._test = _StackedSplit(
                [splits.test for splits in self.splits], self._index, self._features, self.device
            )
        data = {"train": self._train, "val": self._val, "test": self._test}[name]
        assert data is not None
        return data

    def _outputs(self, data: _StackedSplit, network: nn.Module) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Logits, labels and clean labels of a split in evaluation mode, in parts that fit into memory."""
        network.eval()
        widest = max((self._features, *self.task.hidden))
        rows = max(1, _EVALUATION_CHUNK // (self.replicas * widest))
        for start in range(0, data.samples, rows):
            x, y, y_clean = data.rows(slice(start, start + rows))
            with autocast(self.precision, self.device):
                logits = network(x)
            yield logits, y, y_clean

    @torch.no_grad()
    def _evaluate(self, data: _StackedSplit, network: nn.Module) -> Tensor:
        """Loss, accuracy and clean accuracy: shape ``(3, replicas)``."""
        sums = torch.zeros(3, self.replicas, device=self.device)
        for logits, y, y_clean in self._outputs(data, network):
            predicted = _predicted(logits)
            sums[0] += cross_entropies(logits, y).sum(1)
            sums[1] += (predicted == y).sum(1)
            sums[2] += (predicted == y_clean).sum(1)
        return sums / data.sizes


class _Frozen(nn.Module):
    """The network with other weights than its own."""

    def __init__(self, network: nn.Module, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self._network, self._weights = network, weights

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = functional_call(self._network, self._weights, (x,))
        return logits


def _predicted(logits: Tensor) -> Tensor:
    """The likeliest class of each sample: shape ``(replicas, samples)``."""
    # on the processor the classes of a sample don't lie side by side, and argmax is slow then
    return logits.contiguous().argmax(-1)
