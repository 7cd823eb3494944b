"""Networks of images as a population: each is trained by itself, several at a time on as many threads."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from rlflood.holding import Hold
from rlflood.metrics import Metrics
from rlflood.training.copying import check_sources
from rlflood.training.images.convolutional import image_network
from rlflood.training.images.image_data import DeviceSplit, EvaluationImages, TrainingImages
from rlflood.training.images.module import ModuleTrainer
from rlflood.training.machine import Machine
from rlflood.training.objectives import MakeObjective
from rlflood.training.optimizer import make_optimizer
from rlflood.training.processes import processes_and_rank
from rlflood.training.task import Task, check_population, made_once
from rlflood.training.trainer import Evaluation, Moment, SplitName, joined_losses, joined_validations

Result = TypeVar("Result")

_STREAMS = 4
"""How many networks a GPU trains at a time."""


class ImageSplits:
    """The splits of a task with images, on a device.

    Raises:
        InputError: if the data cannot be loaded, is not of images, or is too small for the splits.
    """

    def __init__(self, task: Task, data_seed: int, device: torch.device) -> None:
        splits = task.split(data_seed)
        assert splits.image_shape is not None  # the task makes sure of it
        self.classes, self.features, self.shape = splits.classes, splits.features, splits.image_shape
        self.train, self.val, self.test = (
            DeviceSplit(split, self.shape, device) for split in (splits.train, splits.val, splits.test)
        )


def image_trainer(
    task: Task, data: ImageSplits, network_seed: int, *, micro_batch: int | None = None, **options: Any
) -> ModuleTrainer:
    """A trainer for a task of an image network.

    Args:
        task: The task.
        data: Its splits.
        network_seed: Seed of initialisation, batch order and augmentation.
        micro_batch: The most samples to have activations of at a time.
        options: ``device``, ``precision``, ``keep_best``, ``average``, ``hold``, ``objective`` and
            ``compile`` of :class:`ModuleTrainer`.
    """
    network = image_network(task.network, data.shape, data.classes, network_seed).to(options["device"])
    optimizer = make_optimizer(task, network)
    processes, rank = processes_and_rank()
    own = {"rank": rank, "processes": processes}
    train = TrainingImages(
        data.train,
        batch_size=task.batch_size,
        seed=network_seed,
        augmentation=task.augmentation,
        micro_batch=micro_batch,
        **own,
    )
    return ModuleTrainer(
        network,
        optimizer,
        train,
        EvaluationImages(data.val, **own),
        EvaluationImages(data.test, **own),
        train_in_order=EvaluationImages(data.train, **own),
        classes=data.classes,
        lr_scheduler=LambdaLR(optimizer, lambda epoch: task.learning_rate_in(epoch) / task.learning_rate),
        criterion=task.criterion,
        strength=task.strength,
        samples=len(data.train),
        clip_norm=task.clip_norm,
        seed=network_seed,
        **options,
    )


class ModulePopulation:
    """Trains one image network for each task given, behind the :class:`Trainer` protocol.

    Convolutions keep a processor busy by themselves: stacked networks gain nothing there
    (docs/results/speed.md), so each has a :class:`ModuleTrainer` of its own. On the CPU each thread trains
    its own networks; on a GPU each network has a stream.

    Args:
        tasks: One task for each replica, all of one image network; they may differ in their data and in
            their criterion's strength.
        data_seeds: Seed of each replica's samples, label noise and splits.
        network_seeds: Seed of each replica's initialisation, batch order and augmentation.
        machine: Where to train. Each of its threads trains networks of its own, or several share one where
            networks are fewer.
        keep_best, average, hold: See :class:`ModuleTrainer`.
        objective: Makes what is differentiated, for each replica; None is flooding.
        micro_batch: The most samples to have activations of at a time; a mini-batch of more comes in parts.
        compile: See :class:`ModuleTrainer`.

    Raises:
        ValueError: if the numbers of tasks and seeds differ, or the tasks differ in more than their data and
            strength.
        InputError: if a task's data cannot be loaded, is not of images, or is too small for its splits, or
            the device or the precision is not to be had.
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
        micro_batch: int | None = None,
        compile: bool | str = False,
    ) -> None:
        check_population(tasks, data_seeds, network_seeds)
        self.task, self.replicas = tasks[0], len(tasks)
        self._device = machine.torch_device
        splits, numbers = made_once(tasks, data_seeds, partial(ImageSplits, device=self._device))
        self._trainers = [
            image_trainer(
                task,
                splits[numbers[i]],
                network_seeds[i],
                micro_batch=micro_batch,
                device=self._device,
                precision=machine.precision,
                keep_best=keep_best,
                average=average,
                hold=hold,
                compile=compile,
                objective=None if objective is None else objective(np.array([i])),
            )
            for i, task in enumerate(tasks)
        ]
        self._features = np.array([splits[number].features for number in numbers])
        self.classes = np.concatenate([trainer.classes for trainer in self._trainers])
        on_gpu = self._device.type == "cuda"
        workers = min(_STREAMS if on_gpu else machine.threads, self.replicas)
        self._pool = _pool(workers, max(1, machine.threads // workers))
        self._streams: list[Any] = [None] * self.replicas
        if on_gpu:
            torch.cuda.synchronize(self._device)  # what the default stream has made is there for all
            self._streams = [torch.cuda.Stream(self._device) for _ in self._trainers]

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return self._trainers[0].epoch

    @property
    def levels(self) -> NDArray[np.float64]:
        """See :attr:`Trainer.levels`."""
        return np.concatenate([trainer.levels for trainer in self._trainers])

    @property
    def changed(self) -> NDArray[np.float64]:
        """See :attr:`Trainer.changed`."""
        return np.concatenate([trainer.changed for trainer in self._trainers])

    @property
    def average_validation(self) -> Evaluation | None:
        """See :attr:`Trainer.average_validation`."""
        return joined_validations(trainer.average_validation for trainer in self._trainers)

    def begin_average(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.begin_average`."""
        for i, trainer in enumerate(self._trainers):
            trainer.begin_average(which[i : i + 1])

    def return_to_best(self, which: NDArray[np.bool_]) -> None:
        """See :meth:`Trainer.return_to_best`."""
        self._each(lambda i, trainer: trainer.return_to_best(which[i : i + 1]))

    def run_epoch(
        self, levels: NDArray[np.float64] | float, strengths: NDArray[np.float64] | float | None = None
    ) -> Metrics:
        """See :meth:`Trainer.run_epoch`."""
        level = np.broadcast_to(levels, self.replicas)
        strength = None if strengths is None else np.broadcast_to(strengths, self.replicas)

        def run(i: int, trainer: ModuleTrainer) -> Metrics:
            return trainer.run_epoch(level[i : i + 1], None if strength is None else strength[i : i + 1])

        return Metrics.concat(self._each(run))

    def evaluate(self, split: SplitName, moment: Moment = "last") -> Evaluation:
        """See :meth:`Trainer.evaluate`."""
        return Evaluation.concat(self._each(lambda i, trainer: trainer.evaluate(split, moment)))

    def sample_losses(self, split: SplitName) -> NDArray[np.float64]:
        """See :meth:`Trainer.sample_losses`."""
        return joined_losses(self._each(lambda i, trainer: trainer.sample_losses(split)))

    def copy_replicas(self, sources: NDArray[np.int64]) -> None:
        """See :meth:`Trainer.copy_replicas`."""
        check_sources(sources, self._features, self.classes)
        moved = np.flatnonzero(sources != np.arange(self.replicas))
        states = {int(source): self._trainers[source].state_dict() for source in np.unique(sources[moved])}
        for i in moved:
            self._trainers[i].load_state_dict(states[int(sources[i])])

    def module(self, replica: int) -> nn.Module:
        """A copy of one replica's network."""
        network: nn.Module = copy.deepcopy(self._trainers[replica].network)
        return network

    def state_dict(self) -> dict[str, Any]:
        """See :meth:`Trainer.state_dict`."""
        return {"replicas": [trainer.state_dict() for trainer in self._trainers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :meth:`Trainer.load_state_dict`."""
        for trainer, own in zip(self._trainers, state["replicas"], strict=True):
            trainer.load_state_dict(own)

    def _each(self, do: Callable[[int, ModuleTrainer], Result]) -> list[Result]:
        """What ``do`` gives for each replica, done on the threads."""
        outer = torch.cuda.current_stream(self._device) if self._device.type == "cuda" else None

        def on_its_stream(i: int) -> Result:
            stream = self._streams[i]
            if stream is None:
                return do(i, self._trainers[i])
            # what the caller's stream has still to do comes before, what follows on it comes after
            stream.wait_stream(outer)
            with torch.cuda.stream(stream):
                done = do(i, self._trainers[i])
            stream.synchronize()
            return done

        return list(self._pool.map(on_its_stream, range(self.replicas)))


@lru_cache(maxsize=4)
def _pool(workers: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, "networks", initializer=torch.set_num_threads, initargs=(threads,))
