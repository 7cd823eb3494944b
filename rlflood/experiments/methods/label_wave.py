"""Label Wave: early stopping without a validation split."""

from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs import stacks
from rlflood.experiments.runs.history import History
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.metrics import Array
from rlflood.training import GivenLevels, Machine, Task, run

WINDOW = 3
"""Epochs that the changes are averaged over: the paper's k."""
PATIENCE = 10
"""Epochs without a lower average after which the lowest one was the first minimum."""


class FirstMinimum:
    """Tells where the moving average of the changed predictions has its first minimum, for each replica.

    Attributes:
        epoch: That of the lowest average so far, counted from 1, shape ``(replicas,)``; 0 before the first.
        last: The epoch after which that was known to be the first minimum; 0 as long as it is not.
    """

    def __init__(self, replicas: int) -> None:
        self._window = np.full((WINDOW, replicas), np.nan)
        self._lowest = np.full(replicas, np.inf)
        self.epoch = np.zeros(replicas, np.int64)
        self.last = np.zeros(replicas, np.int64)

    def update(self, epoch: int, changed: Array) -> NDArray[np.bool_]:
        """Take in what an epoch has changed; which replicas have a new lowest average."""
        self._window = np.concatenate([self._window[1:], changed[None]])
        average = self._window.mean(axis=0)  # no number until the window is full
        better: NDArray[np.bool_] = (self.last == 0) & (average < self._lowest)
        self._lowest = np.where(better, average, self._lowest)
        self.epoch = np.where(better, epoch, self.epoch)
        over = (self.last == 0) & (self.epoch > 0) & (epoch - self.epoch >= PATIENCE)
        self.last = np.where(over, epoch, self.last)
        return better


class LabelWave(Method):
    """No flooding, stopped where the predictions on the training set change least for the first time.

    Yuan, Feng and Liu, "Early Stopping Against Label Noise Without Validation Data", ICLR 2024: after each
    epoch count the training samples that are predicted otherwise than in the epoch before; the network of
    the epoch where the moving average of that number over three epochs has its first minimum is deployed. A
    minimum is one if the next ten epochs have none lower. No validation split is looked at.

    The deployed network is the record's last one. Stacks train to the end of the task for the sake of the
    record's curves and its other networks; what is paid for are the epochs until the minimum is known.
    """

    floods = False
    needs_validation = False

    def __init__(self) -> None:
        self.name = "label-wave"

    def epochs(self, task: Task) -> int:
        """One run."""
        return task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        parts = ceil(setting.repeats / stacks.most_replicas(setting.task, machine))
        done, runs, spent = 0, [], []
        for repeats in np.array_split(np.arange(setting.repeats), parts):
            part, last = self._stack(setting, machine, repeats, done, on_progress)
            runs.append(part)
            spent.append(last)
            done += len(repeats)
        return Runs.concat(runs).as_record(self.name, np.concatenate(spent).astype(np.float64))

    def _stack(
        self,
        setting: Setting,
        machine: Machine,
        repeats: NDArray[np.int64],
        before: int,
        on_progress: Progress,
    ) -> tuple[Runs, NDArray[np.int64]]:
        """The runs of some repeats, and how many epochs of each are paid for."""
        epochs = setting.task.epochs
        trainer, history = stacks.stack(setting, machine, repeats), History()
        wave, accuracy, clean = FirstMinimum(len(repeats)), np.zeros(len(repeats)), np.zeros(len(repeats))
        for epoch in run(trainer, GivenLevels(0.0), epochs=epochs):
            history.add(trainer.levels, epoch)
            better = wave.update(epoch.number, trainer.changed)
            if better.any():
                test = trainer.evaluate("test")
                accuracy = np.where(better, test.accuracy, accuracy)
                clean = np.where(better, test.clean_accuracy, clean)
            on_progress(before * epochs + epoch.number * len(repeats), setting.repeats * epochs)
        runs, found = history.runs(trainer), wave.epoch > 0
        runs = replace(
            runs,
            test_acc_last=np.where(found, clean, runs.test_acc_last),
            noisy_test_acc_last=np.where(found, accuracy, runs.noisy_test_acc_last),
        )
        return runs, np.where(wave.last > 0, wave.last, epochs)


@register("label-wave", "no flooding, stopped where training predictions change least; no validation")
def _label_wave(argument: str | None, options: MethodOptions) -> Method:
    return LabelWave()
