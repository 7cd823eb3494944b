"""The stacked trainer on the device against the CPU, and its captured epoch against the plain one."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.card import formats
from benchmarks.gpu.checking import Checks, Differences, apart, largest, moved, unsynchronised
from rlflood.holding import Hold
from rlflood.schedulers import HoldFlood
from rlflood.training import (
    IndividualFlooding,
    Machine,
    PopulationTrainer,
    RelaxLoss,
    SoftAscentDescent,
    Task,
    WaveBound,
    run,
)
from rlflood.training.trainer import MOMENTS

BASE = Task(hidden=(16, 12), train_size=40, val_size=40, test_size=40, label_noise=0.1, epochs=8)
PROBLEMS: tuple[dict[str, Any], ...] = (
    {"data": "two-gaussians"},
    {"data": "sinusoid", "label_noise": 0.3},
    {"data": "blobs", "data_options": {"classes": 5, "dimensions": 4}},
)
"""They differ in features (10, 2, 4) and classes (2, 2, 5)."""
LEVELS = np.array([0.0, 0.6, 1.2])
KEPT: dict[str, Any] = {"average": 5.0, "keep_best": True}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full batch": ({}, {}),
    "mini-batches": ({"batch_size": 16}, {}),
    "SGD, a rate that falls": ({"batch_size": 16, "optimizer": "sgd", "lr_cosine": True}, {}),
    "AdamW, milestones": ({"optimizer": "adamw", "weight_decay": 0.01, "lr_milestones": (0.5,)}, {}),
    "batch norm": ({"batch_size": 10, "batch_norm": True}, {}),
    "dropout": ({"batch_size": 16, "dropout": 0.3}, {}),
    "held mean": ({"batch_size": 16}, {"hold": Hold(batches=4, ascent=0.25)}),
    "average, best and returns": ({"batch_size": 16}, KEPT),
    "all of these": (
        {"batch_size": 10, "batch_norm": True},
        {"hold": Hold(batches=4, ascent=0.25), **KEPT},
    ),
    **{
        f"criterion {name}": ({"batch_size": 16, "criterion": name}, KEPT)
        for name in ("gce", "sce", "label-smoothing", "elr", "mixup", "sam")
    },
    "SAM and batch norm": ({"batch_size": 10, "batch_norm": True, "criterion": "sam"}, {}),
    "iFlood": ({"batch_size": 16}, {"objective": lambda numbers: IndividualFlooding()}),
    "SoftAD": ({"batch_size": 16}, {"objective": lambda numbers: SoftAscentDescent()}),
    "RelaxLoss": ({"batch_size": 16}, {"objective": lambda numbers: RelaxLoss()}),
    "WaveBound": ({"batch_size": 16}, {"objective": lambda numbers: WaveBound()}),
}
"""Changes of the task, and options of the trainer."""
KINDS = {
    "train loss": "losses", "val loss": "losses", "test loss": "losses", "sample losses": "losses",
    "train accuracy": "accuracies", "val accuracy": "accuracies", "test accuracy": "accuracies",
    "changed": "accuracies",
}  # fmt: skip
_SAME = dict.fromkeys(KINDS, "same device")


def add(checks: Checks) -> None:
    """All of them."""
    device = checks.device
    for name, (changes, options) in CASES.items():

        def on(where: str, changes: Any = changes, options: Any = options, **others: Any) -> dict[str, Any]:
            return trained(made(where, changes, options, **others), bool(options.get("keep_best")))

        def beside_the_cpu(on: Callable[..., dict[str, Any]] = on) -> Differences:
            return apart(on("cpu"), on(device), KINDS)

        def beside_itself(on: Callable[..., dict[str, Any]] = on) -> Differences:
            return apart(on(device, plain=True), on(device), _SAME)

        checks.add(f"stack, {name}", beside_the_cpu)
        if made("cpu", changes, options)._graph is not None:
            checks.add(f"captured epoch, {name}", beside_itself)
    for precision in formats(device)[1:]:
        for name in ("mini-batches", "batch norm", "criterion elr"):
            checks.add(f"{precision}, {name}", lambda p=precision, n=name: _rounded(device, p, n))
    for name in ("mini-batches", "SGD, a rate that falls", "all of these", "criterion elr"):
        for source, target in dict.fromkeys(((device, "cpu"), ("cpu", device), (device, device))):
            checks.add(
                f"state from {source} on {target}, {name}",
                lambda s=source, t=target, n=name: _resumed(s, t, n),
            )
    checks.add("replicas copied", lambda: _copied(device))
    checks.add("HoldFlood, returning", lambda: _steered(device))
    for name in ("mini-batches", "held mean", "average, best and returns", "criterion elr", "criterion sam"):
        checks.add(f"no synchronisation in an epoch, {name}", lambda n=name: _free_running(device, n))
    checks.add("memory of a trainer that is gone", lambda: _freed(device))


def made(
    device: str,
    changes: dict[str, Any],
    options: dict[str, Any],
    plain: bool = False,
    precision: Any = "float32",
) -> PopulationTrainer:
    """The trainer of a case; with ``plain`` it captures nothing."""
    tasks = [BASE.model_copy(update={**problem, **changes}) for problem in PROBLEMS]
    trainer = PopulationTrainer(tasks, [3, 1, 2], [7, 8, 9], machine=Machine(device, precision), **options)
    if plain:
        trainer._graph = None
    return trainer


def trained(trainer: PopulationTrainer, kept: bool, epochs: int = BASE.epochs) -> dict[str, Any]:
    """Train some epochs, with averages that begin and best weights put back on the way; what came of it."""
    metrics, changed = [], []
    while trainer.epoch < epochs:
        if kept and trainer.epoch == 4:
            trainer.begin_average(np.array([True, False, True]))
        if kept and trainer.epoch == 6:
            trainer.return_to_best(np.array([False, True, True]))
        metrics.append(trainer.run_epoch(LEVELS))
        changed.append(trainer.changed)
    tests = [trainer.evaluate("test", moment) for moment in (MOMENTS if kept else MOMENTS[:1])]
    return {
        "train loss": [own.train_loss for own in metrics],
        "val loss": [own.val_loss for own in metrics],
        "train accuracy": [own.train_acc for own in metrics],
        "val accuracy": [own.val_acc for own in metrics],
        "test loss": [test.loss for test in tests],
        "test accuracy": [test.clean_accuracy for test in tests],
        "sample losses": trainer.sample_losses("test"),
        "changed": changed,
    }


def _rounded(device: str, precision: Any, name: str) -> Differences:
    changes, options = CASES[name]
    exact = trained(made("cpu", changes, options), "keep_best" in options)
    rounded = trained(made(device, changes, options, precision=precision), "keep_best" in options)
    return {"half": max(largest(exact[key], rounded[key]) for key in ("train loss", "val loss"))}


def _resumed(source: str, target: str, name: str) -> Differences:
    changes, options = CASES[name]
    kept = "keep_best" in options
    whole = made(source, changes, options)
    trained(whole, kept, 3)
    state: Any = moved(whole.state_dict(), target)
    other = made(target, changes, options)
    trained(other, kept, 2)  # what it was before must not matter: it has captured nothing, and something
    other.load_state_dict(state)
    kinds = KINDS if source != target else dict.fromkeys(KINDS, "same device")
    return apart(trained(whole, kept), trained(other, kept), kinds)


def _copied(device: str) -> Differences:
    def run_on(where: str) -> dict[str, Any]:
        task = BASE.model_copy(update={"batch_size": 16})
        trainer = PopulationTrainer([task] * 3, [3, 1, 2], [7, 8, 9], machine=Machine(where), **KEPT)
        trained(trainer, True, 4)
        trainer.copy_replicas(np.array([0, 0, 1]))
        return trained(trainer, True)

    return apart(run_on("cpu"), run_on(device), KINDS)


def _steered(device: str) -> Differences:
    """A rule that goes by the curves, in the one loop that all training goes through."""

    def run_on(where: str) -> dict[str, Any]:
        task = BASE.model_copy(update={"epochs": 40, "batch_size": 10, "learning_rate": 0.005})
        scheduler = HoldFlood(returning=True)
        trainer = PopulationTrainer(
            [task] * 4, range(4), range(4), machine=Machine(where), hold=scheduler.hold, **KEPT
        )
        epochs = list(run(trainer, scheduler, epochs=task.epochs))
        # the first ten: later on a turn may come an epoch sooner, by a rounding
        return {
            "val loss": [epoch.metrics.val_loss for epoch in epochs[:10]],
            "test accuracy": [trainer.evaluate("test", moment).clean_accuracy.mean() for moment in MOMENTS],
        }

    return apart(run_on("cpu"), run_on(device), {"val loss": "losses", "test accuracy": "accuracies"})


def _free_running(device: str, name: str) -> Differences:
    """The plain epoch of batches by itself: what a graph is captured from."""
    changes, options = CASES[name]
    trainer = made(device, changes, options, plain=True)
    for _ in range(2):
        trainer.run_epoch(LEVELS)
    trainer.network.train()
    with unsynchronised(device):
        trainer._epoch_of_batches()
    return {"exact": 0.0}


def _freed(device: str) -> Differences:
    """Bytes that a trainer leaves behind, without a garbage collection."""
    if device == "cpu":
        return {"bytes": 0.0}
    gc.collect()
    gc.disable()
    try:
        left = []
        for _ in range(2):  # the first one leaves what libraries keep
            trainer = made(device, *CASES["all of these"])
            trained(trainer, True, 4)
            del trainer
            torch.cuda.synchronize(device)
            left.append(torch.cuda.memory_allocated(device))
    finally:
        gc.enable()
    return {"bytes": float(left[1] - left[0])}
