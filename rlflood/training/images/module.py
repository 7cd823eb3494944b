"""The module trainer: one network of any kind."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from rlflood.errors import InputError
from rlflood.held_level import HeldLevel
from rlflood.holding import Hold
from rlflood.metrics import Metrics
from rlflood.strengths import CriterionName, checked_strength
from rlflood.training.averaging import Kept
from rlflood.training.copying import check_sources, cloned
from rlflood.training.criteria import check_together
from rlflood.training.images.generators import generators_of
from rlflood.training.images.one_replica import Loss, OneReplica, criterion_of, sample_cross_entropies
from rlflood.training.images.parts import Samples, parts_of, steps_of
from rlflood.training.machine import resolve_device
from rlflood.training.objectives import Flooding, Objective
from rlflood.training.optimizer import load_optimizer
from rlflood.training.precision import Precision, autocast, matrix_products, resolve_precision
from rlflood.training.predictions import Predictions
from rlflood.training.processes import processes_and_rank
from rlflood.training.trainer import Evaluation, Moment, SplitName

_UNIT = 1 / 128
"""What sums of losses are multiplied by before their gradient is taken, to stay in float16's range."""


class ModuleTrainer:
    """Trains any ``torch.nn.Module`` under flooding, one replica behind the :class:`Trainer` protocol.

    A batch causes no synchronisation with the device: level, losses and hits stay there, and are fetched once
    an epoch. The validation split is evaluated after each epoch.

    Flooding is that of the whole mini-batch, however it is computed: with ``accumulate`` above 1, or in
    several processes, the gradient of the mean loss over all parts is added up first and then multiplied by
    the sign of that loss less its level, which is the gradient of the flooded loss.

    Where ``torch.distributed`` is initialised and has several processes, the network is wrapped in
    ``DistributedDataParallel``, loaders give each process its part, and all processes report the metrics of
    the whole. On a GPU batch normalisation is synchronised then; on the CPU, which cannot, each process
    normalises by its own part.

    Args:
        network: Gives logits ``(samples, classes)``. It is moved to ``device``.
        optimizer: Over the network's parameters. With float16 on a GPU make it with ``fused=True``, or it
            waits for the device in every batch.
        train: Iterated once an epoch: mini-batches ``(x, y)``, or lists of the parts of each.
            If it, or its ``sampler``, has ``set_epoch``, that is called first, with the epoch from 0.
        val, test: Iterated at each evaluation: ``(x, y)`` or ``(x, y, clean y)``.
        train_in_order: The same for the evaluation of the training split; ``train`` itself if not given.
        classes: How many there are.
        lr_scheduler: Stepped after each epoch; ``ReduceLROnPlateau`` with the validation loss.
        criterion: What is trained: a name (see the field of a :class:`~rlflood.training.Task`), or a function
            of logits and labels. Metrics are the cross-entropy in any case.
        strength: Of a named criterion; None is the one that its paper has.
        samples: How many ``train`` has, if the third of a mini-batch is their numbers: for ``elr``, and for
            :attr:`changed`.
        objective: What is differentiated; flooding if not given. Others cannot be accumulated or distributed.
        seed: PyTorch's generators begin each epoch at a function of it, the epoch and the process, so that
            dropout, and loaders that shuffle by them, do the same in a run that was resumed.
        device: Where to train.
        precision: ``float32``, ``bfloat16`` or ``float16`` (both autocast, the latter with a ``GradScaler``),
            or ``auto``.
        keep_best: Keep the weights of the best validation accuracy for ``evaluate(..., "best")``, and of the
            best average, if there is one.
        average: Keep the average of the weights, exponential over so many steps of the optimizer until
            :meth:`begin_average`; None keeps none.
        hold: How levels are held.
        accumulate: Successive batches of ``train`` that make one step of the optimizer.
        clip_norm: The most that the norm of a step's gradient may be.
        channels_last: Images' memory format; if not given, channels last.
        compile: ``True`` compiles the network with inductor; a name does with that backend.

    Attributes:
        levels: Level of the epoch just trained, shape ``(1,)``; NaN before the first.

    Raises:
        ValueError: if ``accumulate`` is not positive, or another objective than flooding is to be accumulated
            or distributed.
        InputError: if the device or the precision is not to be had, or the criterion does not go with the
            other arguments.
    """

    replicas = 1

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        train: Iterable[Any],
        val: Iterable[Samples],
        test: Iterable[Samples] | None = None,
        *,
        classes: int,
        train_in_order: Iterable[Samples] | None = None,
        lr_scheduler: LRScheduler | None = None,
        criterion: CriterionName | Loss = "cross-entropy",
        strength: float | None = None,
        samples: int | None = None,
        objective: Objective | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
        keep_best: bool = False,
        average: float | None = None,
        hold: Hold = Hold(),
        accumulate: int = 1,
        clip_norm: float | None = None,
        channels_last: bool = True,
        compile: bool | str = False,
    ) -> None:
        if accumulate < 1:
            raise ValueError(f"accumulate must be 1 or more: got {accumulate}")
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device)
        self.processes, self._rank = processes_and_rank()
        self._whole = isinstance(objective, Flooding | None)
        if not self._whole and (accumulate > 1 or self.processes > 1):
            raise ValueError("only flooding can be accumulated or distributed: leave the objective out")
        self.epoch, self.classes = 0, np.array([classes])
        self.levels = np.full(1, np.nan)
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(self.device, memory_format=self._format)  # type: ignore[call-overload]
        self._optimizer, self._lr_scheduler = optimizer, lr_scheduler
        self._train = train
        self._loaders: dict[SplitName, Iterable[Any] | None] = {
            "train": train if train_in_order is None else train_in_order, "val": val, "test": test,
        }  # fmt: skip
        self._seed, self._accumulate, self._clip_norm = seed, accumulate, clip_norm
        self._scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        self._level = torch.zeros(1, device=self.device)
        self._sums = torch.zeros(3, device=self.device)  # of the epoch: loss, hits, samples
        self._forward, self._data_parallel = self._wrapped(compile)
        # views with the axis of one replica
        rows = {name: value.unsqueeze(0) for name, value in self.network.state_dict().items()}
        self._kept = Kept(rows, 1, best=keep_best, average=average, counted_on=torch.device("cpu"))
        self.average_validation: Evaluation | None = None
        self._objective = Flooding(hold) if objective is None else objective
        replica = OneReplica(self.network, classes)
        self._criterion = criterion_of(criterion, replica, samples=samples, seed=seed)
        self._name: CriterionName = criterion if isinstance(criterion, str) else "cross-entropy"
        self._strength = checked_strength(self._name, strength)
        self._predictions = Predictions(1, samples, self.device)
        check_together(self._objective, self._criterion, self._name)
        if accumulate > 1 or self.processes > 1:
            self._check_parts()
        if criterion == "sam" and self.precision == "float16":
            raise InputError("the first gradient of sam is not scaled for float16: use bfloat16 or float32")
        self._objective.attach(replica, self._losses)

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
        self.levels = np.broadcast_to(levels, 1).astype(np.float64)
        # refilled, not replaced: a compiled or captured step keeps hold of it
        self._level.fill_(float(self.levels[0]))
        strength = self._strength if strengths is None else checked_strength(self._name, strengths)
        self._criterion.begin_epoch(self.epoch, np.broadcast_to(strength, 1).astype(np.float64))
        self._predictions.begin_epoch(self.processes)
        self._sums.zero_()
        self.network.train()
        shuffled: Any
        for shuffled in (self._train, getattr(self._train, "sampler", None)):
            if hasattr(shuffled, "set_epoch"):
                shuffled.set_epoch(self.epoch)
        with generators_of(self._seed, self._rank, self.epoch, self.device), matrix_products(self.precision):
            for parts in steps_of(self._train, self._accumulate):
                self._step(parts)
            validations = [self._evaluate("val")]
            if self._kept.validates_average:
                with self._weights("average"):
                    validations.append(self._evaluate("val"))
        self._predictions.end_epoch(self.processes)
        self.epoch += 1
        own_levels = self._objective.levels()
        if own_levels is not None:
            self.levels = own_levels.double().cpu().numpy()
        # one transfer an epoch: the only point at which the host waits for the device
        train = self._over_processes(self._sums.clone())
        sums = torch.cat([train, *validations]).double().cpu().split([3, *[4] * len(validations)])
        (loss, hits, seen), *found = (part.numpy() for part in sums)
        last, *average = (_evaluation(sums) for sums in found)
        self.average_validation = average[0] if average else None
        self._step_lr(float(last.loss[0]))
        self._kept.keep(last, self.average_validation)
        return Metrics(np.array([loss / seen]), np.array([hits / seen]), last.loss, last.accuracy)

    @property
    def changed(self) -> NDArray[np.float64]:
        """See :attr:`Trainer.changed`; NaN without ``samples``."""
        return self._predictions.fetched()

    def evaluate(self, split: SplitName, moment: Moment = "last") -> Evaluation:
        """Evaluate a split; see :meth:`Trainer.evaluate`.

        Raises:
            ValueError: if there is no loader for the split, or that network is not kept.
        """
        with self._weights(moment), matrix_products(self.precision):
            return _evaluation(self._evaluate(split).double().cpu().numpy())

    @torch.no_grad()
    def sample_losses(self, split: SplitName) -> NDArray[np.float64]:
        """See :meth:`Trainer.sample_losses`; in the order that the loader gives, of this process alone."""
        with matrix_products(self.precision):
            losses = [sample_cross_entropies(logits, y) for logits, y, _ in self._outputs(split)]
        return torch.cat(losses).double().cpu().numpy()[None]

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """See :meth:`Trainer.copy_replicas`: there is only one."""
        check_sources(sources, np.zeros(1, np.int64), self.classes)

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`Trainer.state_dict`. The tensors are copies; save it with ``torch.save``."""
        return {
            "epoch": self.epoch,
            "network": cloned(dict(self.network.state_dict())),
            "optimizer": cloned(self._optimizer.state_dict()),
            "lr_scheduler": None if self._lr_scheduler is None else self._lr_scheduler.state_dict(),
            "scaler": self._scaler.state_dict(),
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
        if self._lr_scheduler is not None:
            self._lr_scheduler.load_state_dict(state["lr_scheduler"])
        self._scaler.load_state_dict(state["scaler"])
        self._kept.load_state_dict(state["kept"])
        self._objective.load_state_dict(state["objective"])
        self._criterion.load_state_dict(state["criterion"])
        self._predictions.load_state_dict(state["predictions"])

    def _wrapped(self, compile: bool | str) -> tuple[nn.Module, DistributedDataParallel | None]:
        """What is called in training: the network, wrapped for several processes and compiled as asked."""
        parallel: DistributedDataParallel | None = None
        if self.processes > 1:
            on_gpu = self.device.type == "cuda"
            if on_gpu:
                self.network = nn.SyncBatchNorm.convert_sync_batchnorm(self.network)
            parallel = DistributedDataParallel(self.network, device_ids=[self.device] if on_gpu else None)
        forward = self.network if parallel is None else parallel
        if compile:
            backend = compile if isinstance(compile, str) else "inductor"
            forward = torch.compile(forward, backend=backend)
        return forward, parallel

    def _step(self, parts: list[Samples]) -> None:
        """One step of the optimizer, on a mini-batch that comes in one or more parts."""
        alone = len(parts) == 1 and self.processes == 1
        trained = torch.zeros((), device=self.device)
        self._optimizer.zero_grad()
        if not alone:
            self._check_parts()
        for number, part in enumerate(parts):
            x, y, *others = self._moved(part)
            numbers = others[0] if others else torch.zeros_like(y)
            with self._together(number == len(parts) - 1):
                batch = self._criterion.batch(self._trained, x[None], y[None], numbers[None], self.epoch)
                value = self._objective(batch, self._level).sum() if alone else batch.losses.sum() * _UNIT
                self._scaler.scale(value).backward()
            with torch.no_grad():
                plain = batch.losses if batch.plain is None else batch.plain
                predicted = batch.logits.argmax(-1)
                self._predictions.note(numbers[None], predicted)
                hits = self._criterion.hits(predicted, y[None])[0]
                self._sums += torch.stack([plain.sum(), hits, torch.full_like(hits, len(y))])
                if not alone:
                    trained += plain.sum()
        self._criterion.after_backward()
        parameters = [p for p in self.network.parameters() if p.grad is not None]
        if not alone:
            assert isinstance(self._objective, Flooding)
            self._turn(self._objective.held, parameters, trained, sum(len(part[1]) for part in parts))
        if self._clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(parameters, self._clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._objective.after_step()
        self._kept.update()

    def _check_parts(self) -> None:
        if not self._criterion.sample_wise:
            raise InputError(
                f"{self._name} needs its mini-batches whole: train in one process, without accumulate and in "
                "batches of one part, or with another criterion"
            )

    @torch.no_grad()
    def _turn(self, held: HeldLevel, parameters: list[nn.Parameter], loss: Tensor, samples: int) -> None:
        """Make the gradient of the summed loss, times the unit, that of the flooded mean loss."""
        whole = self._over_processes(torch.stack([loss, torch.full_like(loss, samples)]))
        # DistributedDataParallel has divided the sum by the number of processes
        side = held.side(whole[:1] / whole[1], self._level)[0]
        factor = side * (self.processes / _UNIT) / whole[1]
        torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], factor)

    def _together(self, last: bool) -> AbstractContextManager[object]:
        """Gradients are exchanged with the other processes once a step."""
        return nullcontext() if last or self._data_parallel is None else self._data_parallel.no_sync()

    def _logits(self, network: nn.Module, x: Tensor) -> Tensor:
        with autocast(self.precision, self.device):
            logits: Tensor = network(x)
        return logits.float()

    def _trained(self, x: Tensor) -> Tensor:
        """Logits of the network in training, with the axis of one replica."""
        return self._logits(self._forward, self._formatted(x[0]))[None]

    def _losses(self, network: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        """The criterion for an objective's own network."""
        return self._criterion.losses(self._logits(network, x), labels)

    def _moved(self, batch: Samples) -> list[Tensor]:
        x, *others = (value.to(self.device, non_blocking=True) for value in batch)
        return [self._formatted(x), *others]

    def _formatted(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=self._format) if x.dim() == 4 else x

    def _outputs(self, split: SplitName) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Logits, labels and clean labels of a split in evaluation mode."""
        loader = self._loaders[split]
        if loader is None:
            raise ValueError(f"there is no loader for the split {split}: make the trainer with {split}=...")
        self.network.eval()
        for batch in loader:
            for part in parts_of(batch):
                x, y, *others = self._moved(part)
                clean = others[0] if others and loader is not self._train else y
                yield self._logits(self.network, x), y, clean

    @torch.no_grad()
    def _evaluate(self, split: SplitName) -> Tensor:
        """Sums over a split: loss, hits, hits by clean labels, samples."""
        sums = torch.zeros(4, device=self.device)
        for logits, y, clean in self._outputs(split):
            predicted = logits.argmax(1)
            hits, clean_hits = (predicted == y).sum(), (predicted == clean).sum()
            loss = sample_cross_entropies(logits, y).sum()
            sums += torch.stack([loss, hits, clean_hits, torch.ones_like(hits) * len(y)])
        return self._over_processes(sums)

    def _over_processes(self, sums: Tensor) -> Tensor:
        if self.processes > 1:
            distributed.all_reduce(sums)
        return sums

    @contextmanager
    def _weights(self, moment: Moment) -> Iterator[None]:
        """One of the four networks in the place of the one that is trained, for a while."""
        weights = self._kept.weights(moment)
        if weights is None:
            yield
            return
        own = cloned(dict(self.network.state_dict()))
        self.network.load_state_dict({name: value[0] for name, value in weights.items()})
        try:
            yield
        finally:
            self.network.load_state_dict(own)

    def _step_lr(self, val_loss: float) -> None:
        if isinstance(self._lr_scheduler, ReduceLROnPlateau):
            self._lr_scheduler.step(val_loss)
        elif self._lr_scheduler is not None:
            self._lr_scheduler.step()


def _evaluation(sums: NDArray[np.float64]) -> Evaluation:
    """From sums over a split: loss, hits, hits by clean labels, samples."""
    loss, accuracy, clean_accuracy = (sums[:3] / sums[3])[:, None]
    return Evaluation(loss, accuracy, clean_accuracy)
