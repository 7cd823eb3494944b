"""AdaFlood: a level for each sample, from networks that did not train on it."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.objectives import run_values
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs import stacks
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.metrics import Array
from rlflood.training import AdaptiveFlooding, GivenLevels, HeldOut, Machine, Task, run

FOLDS = 5
_FOLDS_STREAM = 1000  # child of the data seed's SeedSequence; those of rlflood.data count from 0


class AdaFlood(Method):
    """Flooding of each sample at its own level, a grid search over gamma (Bae et al., TMLR 2024).

    First the auxiliary networks: the training samples of a repeat are split into five folds, and five
    networks of the task's own kind train for the task's epochs, each on four of the folds. Then the grid:
    one run at every gamma, sample ``i`` flooded at ``-log((1 - gamma) p_i + gamma)``, where ``p_i`` is the
    probability that the network of its fold gives its label after the last epoch.

    The auxiliary networks serve all gammas. They count as five whole runs in the budget: an epoch is one over
    the samples that a network trains on, four fifths of them here.

    Args:
        gammas: Values from 0, where a sample's level is its loss under the auxiliary network, to 1, where
            nothing is flooded: shape ``(candidates,)``.
    """

    floods = False

    def __init__(self, gammas: Array) -> None:
        self.name = "adaflood"
        self.gammas = np.asarray(gammas, np.float64)
        self.width = len(self.gammas)

    def epochs(self, task: Task) -> int:
        """One run a gamma and one a fold."""
        return (self.width + FOLDS) * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`.

        The record's levels are means over the samples; its search counts the runs of the gammas alone.
        """
        total = setting.repeats * self.epochs(setting.task)
        before = setting.repeats * FOLDS * setting.task.epochs
        probabilities = torch.from_numpy(
            held_out_probabilities(setting, machine, lambda done, _: on_progress(done, total))
        )
        runs = run_values(
            setting,
            self.gammas,
            lambda numbers: AdaptiveFlooding(probabilities[numbers // self.width]),
            machine,
            lambda done, _: on_progress(before + done, total),
        )
        gammas = np.tile(self.gammas, (setting.repeats, 1))
        record = picked_record(self.name, runs, gammas, knob="gamma")
        return replace(record, epochs_spent=record.epochs_spent + FOLDS * setting.task.epochs)


def folds(samples: int, data_seed: int) -> NDArray[np.int64]:
    """The fold of each training sample, 0 to ``FOLDS - 1``, of sizes as equal as can be: ``(samples,)``."""
    rng = np.random.default_rng(np.random.SeedSequence(data_seed, spawn_key=(_FOLDS_STREAM,)))
    return rng.permutation(samples) % FOLDS


def held_out_probabilities(
    setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
) -> Array:
    """The probability of each training sample's label under a network that did not train on it.

    The networks of a repeat start from its initialisation and see its batch order. They are not flooded, and
    are taken as they are after the last epoch.

    Args:
        setting: Task and seeds.
        machine: Where to train.
        on_progress: Told of every epoch.

    Returns:
        Shape ``(repeats, samples)``, in the order of the training split.
    """
    task = setting.task
    fold = np.stack([folds(task.train_samples, seed) for seed in setting.data_seeds])
    # row r * FOLDS + k: what network k of repeat r does not train on
    held_out = (fold[:, None] == np.arange(FOLDS)[:, None]).reshape(-1, task.train_samples)
    probabilities = np.empty(fold.shape)
    together = max(1, stacks.most_replicas(task, machine) // FOLDS)
    total = len(held_out) * task.epochs
    for start in range(0, setting.repeats, together):
        repeats = np.arange(start, min(start + together, setting.repeats))
        own = torch.from_numpy(held_out[start * FOLDS : (start + len(repeats)) * FOLDS])

        def objective(replicas: NDArray[np.int64], own: Tensor = own) -> HeldOut:
            return HeldOut(own[replicas])

        trainer = stacks.stack(setting, machine, np.repeat(repeats, FOLDS), objective=objective, scored=False)
        for epoch in run(trainer, GivenLevels(0.0), epochs=task.epochs):
            on_progress(start * FOLDS * task.epochs + epoch.number * len(own), total)
        losses = trainer.sample_losses("train").reshape(len(repeats), FOLDS, -1)
        chosen = np.take_along_axis(losses, fold[repeats][:, None], axis=1).squeeze(1)
        probabilities[repeats] = np.exp(-chosen)
    return probabilities


@register("adaflood", "a level for each sample from auxiliary networks (AdaFlood), a grid search over gamma")
def _adaflood(argument: str | None, options: MethodOptions) -> Method:
    # the paper's range
    return AdaFlood(np.linspace(0.05, 0.95, options.runs).round(10))
