"""What a method's runs look like from within: test loss by the epoch, flatness, and the loss nearby.

What T. Ishida et al., "Do we need zero training loss after achieving zero training error?" (ICML 2020), show
to explain flooding: epoch-wise double descent of the test loss, the filter-normalised gradient against the
test loss, and the losses along a random direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlflood.experiments.runs.landscape import (
    Samples,
    evaluate,
    gradient_norm,
    perturbed_losses,
    random_direction,
)
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.metrics import Array
from rlflood.training import GivenLevels, Machine, PopulationTrainer, StackedMLP, run

MOST_TEST_SAMPLES = 2000
"""The test curves are means over this many, the first ones of the test split."""
POINTS = 100
"""About how many epochs of a run are looked at."""
STEPS = 41
"""How many networks a perturbation curve has, the unperturbed one in the middle."""


@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """The runs of one method on one task, looked at after some of their epochs.

    Losses are mean cross-entropies in nats, never flooded, accuracies go from 0 to 1. All are taken in
    evaluation mode after the epoch: the training curves too, over the whole training split, other than those
    of a record. Test curves and test losses are means over the first ``MOST_TEST_SAMPLES`` test samples.

    Attributes:
        epochs: After how many epochs of training the curves were taken, rising, int64 of shape ``(points,)``.
        train_loss: Of shape ``(repeats, points)``, as are all curves.
        train_acc: Against the labels with the task's noise.
        val_loss: Over the whole validation split.
        noisy_test_loss: Against the labels with the task's noise.
        noisy_test_acc: Against the labels with the task's noise.
        test_acc: Against the labels before noise.
        gradient_norm: The l2 norm of the filter-normalised gradient of the training loss.
        alphas: Steps along a random direction, from -1 to 1 in sizes of the filters, shape ``(alphas,)``.
        networks: Which networks were perturbed: ``below level`` is the network after the epoch in which the
            training loss first fell below the flood level, ``end`` that after the last epoch.
        perturbed_train_loss: Shape ``(networks, repeats, alphas)``; NaN where there is no such network.
        perturbed_noisy_test_loss: The same over the test samples.
        reached: After how many epochs the training loss, as a mean over the epoch's mini-batches, was first
            below the level of that epoch, int64 of shape ``(repeats,)``; -1 if it never was.
    """

    epochs: NDArray[np.int64]
    train_loss: Array
    train_acc: Array
    val_loss: Array
    noisy_test_loss: Array
    noisy_test_acc: Array
    test_acc: Array
    gradient_norm: Array
    alphas: Array
    networks: tuple[str, ...]
    perturbed_train_loss: Array
    perturbed_noisy_test_loss: Array
    reached: NDArray[np.int64]

    def part(self, repeats: slice) -> "Diagnosis":
        """The same for some of the repeats only."""
        curves = ("train_loss", "train_acc", "val_loss", "noisy_test_loss", "noisy_test_acc", "test_acc")
        return replace(
            self,
            **{name: getattr(self, name)[repeats] for name in (*curves, "gradient_norm", "reached")},
            perturbed_train_loss=self.perturbed_train_loss[:, repeats],
            perturbed_noisy_test_loss=self.perturbed_noisy_test_loss[:, repeats],
        )


def diagnose(
    setting: Setting, levels: Array, machine: Machine = Machine(), on_progress: Progress = no_progress
) -> Diagnosis:
    """Train a setting's runs once more, by plain flooding at known levels, and look at them on the way.

    Seeds and levels make a run, so these are the runs that the levels come from, up to rounding: bit for bit
    in a stack of the same replicas, and with Adam and batch normalisation visibly different in another. They
    are trained in one stack on one thread: take as many repeats as it should hold (:meth:`Setting.part`).

    The random direction of a repeat is drawn from its network seed: one for all methods and networks.

    Args:
        setting: Task and seeds.
        levels: The flood level of each epoch, shape ``(repeats, epochs)``, as a record has them.
        machine: Where to train.
        on_progress: Told of every epoch.

    Raises:
        InputError: if the task's data cannot be loaded or is too small for its splits.
        ValueError: if ``levels`` has another shape.
    """
    repeats, last = setting.repeats, setting.task.epochs
    if levels.shape != (repeats, last):
        raise ValueError(f"one level a repeat and epoch, shape {(repeats, last)}: got shape {levels.shape}")
    trainer = PopulationTrainer(
        [setting.task] * repeats,
        setting.data_seeds,
        setting.network_seeds,
        machine=machine,
    )
    train, test = _samples(trainer, setting)
    epochs = points(last)
    looks: list[dict[str, Array]] = []
    reached = np.full(repeats, -1)
    below = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    given = GivenLevels(levels[:, 0])
    for epoch in run(trainer, given, epochs=last):
        given.level = levels[:, min(epoch.number, last - 1)]
        new = (reached < 0) & (epoch.metrics.train_loss < epoch.levels)
        reached[new] = epoch.number
        _copy_replicas(below, trainer.network.state_dict(), new)
        if epoch.number in epochs:
            looks.append(
                {"val_loss": np.asarray(epoch.metrics.val_loss), **_look(trainer.network, train, test)}
            )
        on_progress(epoch.number * repeats, last * repeats)

    alphas = np.linspace(-1, 1, STEPS)
    direction = random_direction(trainer.network, setting.network_seeds)
    states = {"below level": below, "end": trainer.network.state_dict()}

    def perturbed(samples: Samples) -> Array:
        losses = np.stack(
            [perturbed_losses(trainer.network, s, direction, alphas, samples) for s in states.values()]
        )
        losses[0, reached < 0] = np.nan
        return losses

    return Diagnosis(
        epochs=epochs,
        **{name: np.stack([look[name] for look in looks], axis=1) for name in looks[0]},
        alphas=alphas,
        networks=tuple(states),
        perturbed_train_loss=perturbed(train),
        perturbed_noisy_test_loss=perturbed(test),
        reached=reached,
    )


def _look(network: StackedMLP, train: Samples, test: Samples) -> dict[str, Array]:
    """The curves' values at one epoch: arrays of shape ``(repeats,)``."""
    train_loss, train_acc, _ = evaluate(network, train)
    noisy_test_loss, noisy_test_acc, test_acc = evaluate(network, test)
    return {
        "train_loss": train_loss,
        "train_acc": train_acc,
        "noisy_test_loss": noisy_test_loss,
        "noisy_test_acc": noisy_test_acc,
        "test_acc": test_acc,
        "gradient_norm": gradient_norm(network, train),
    }


def points(epochs: int) -> NDArray[np.int64]:
    """The epochs to look after, from 1: all of a short run, else about ``POINTS``, denser at first.

    Test loss and gradient change fastest in the first epochs. The first and the last are always among them.
    """
    if epochs <= POINTS:
        return np.arange(1, epochs + 1)
    spread = np.linspace(0, 1, POINTS) ** 1.5
    return np.unique(np.ceil(1 + (epochs - 1) * spread).astype(np.int64))


def to_arrays(diagnosis: Diagnosis) -> dict[str, NDArray[Any]]:
    """The diagnosis as arrays alone, none of them of objects: what ``np.savez`` keeps without pickling."""
    return {field.name: np.asarray(getattr(diagnosis, field.name)) for field in fields(Diagnosis)}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Diagnosis:
    """The diagnosis that :func:`to_arrays` took apart; ``np.load`` gives such a mapping.

    Raises:
        KeyError: if an array is missing.
    """
    kept: dict[str, Any] = {field.name: arrays[field.name] for field in fields(Diagnosis)}
    return Diagnosis(**{**kept, "networks": tuple(kept["networks"].tolist())})


def _samples(trainer: PopulationTrainer, setting: Setting) -> tuple[Samples, Samples]:
    """Training and test samples of each repeat."""
    # the trainer makes the data of each seed once, in the order in which the seeds first appear
    by_seed = dict(zip(dict.fromkeys(setting.data_seeds), trainer.splits, strict=True))
    own = [by_seed[seed] for seed in setting.data_seeds]
    where: dict[str, Any] = {"device": trainer.device, "precision": trainer.precision}
    return (
        Samples.stacked([splits.train for splits in own], **where),
        Samples.stacked([splits.test for splits in own], most=MOST_TEST_SAMPLES, **where),
    )


def _copy_replicas(
    state: Mapping[str, Tensor], source: Mapping[str, Tensor], which: NDArray[np.bool_]
) -> None:
    """Copy the weights and buffers of some replicas from one state into another."""
    rows = torch.from_numpy(np.flatnonzero(which))
    for name, value in source.items():
        state[name][rows] = value[rows]
