"""What each part of the mechanism is worth, one change at a time, on runs of many steps.

``python -m benchmarks.ablation --out ablation.json`` trains every variant on problems of the validation
families (:mod:`benchmarks.presets`), in regimes of 1,000 to 2,000 mini-batches and with draws of its own.
Defaults of schedulers are chosen by it, so neither its problems nor its seeds may occur in a training or in a
report.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.presets import FAMILIES, four_networks
from rlflood.control import Controller
from rlflood.control.shipped import find_controller
from rlflood.errors import InputError, told
from rlflood.experiments.analysis.statistics import paired
from rlflood.holding import Hold
from rlflood.interrupts import INTERRUPTED, sigterm_as_ctrl_c
from rlflood.output import GrowingFile, check_output
from rlflood.schedulers import (
    ConstantFlood,
    FloodScheduler,
    HoldFlood,
    PolicyScheduler,
    RewindFlood,
    TrackingFlood,
    load_controller,
)
from rlflood.strengths import CriterionName
from rlflood.training import Task
from rlflood.training.distribution import Mixture
from rlflood.training.trainer import MOMENTS
from rlflood.weight_average import AVERAGE_SHARE

NOISES = (0.0, 0.2, 0.4)
DRAWS = 4
REGIMES = {
    "Adam": Task(
        hidden=(100, 100, 100), train_size=800, val_size=200, test_size=1000, batch_size=32, epochs=60
    ),
    "large steps": Task(
        hidden=(64, 64), train_size=600, val_size=150, test_size=1000, batch_size=20, epochs=40,
        learning_rate=0.003,
    ),
    "SGD, cosine": Task(
        hidden=(100, 100), train_size=1600, val_size=300, test_size=1000, batch_size=64, epochs=80,
        optimizer="sgd", learning_rate=0.05, lr_cosine=True,
    ),
    "batch norm": Task(
        hidden=(64, 64, 64), train_size=1000, val_size=150, test_size=1000, batch_size=50, epochs=50,
        batch_norm=True,
    ),
}  # fmt: skip
"""Many steps: 1,000 to 2,000 mini-batches a run."""
ON_THE_MEAN = Hold(batches=16, ascent=0.25)
_SEED = 4242

Make = Callable[[int, Any], FloodScheduler]


@dataclass(frozen=True)
class Variant:
    """A way to train.

    Attributes:
        make: Makes its scheduler, given the epochs and the classes of the runs.
        over: What the exponential average goes back, as a share of the run's steps.
        begins: Whether the average begins where the scheduler says, and is a plain mean from there on.
        criterion: What is trained.
        strength: Of the criterion, where the scheduler sets none.
    """

    make: Make
    over: float = 0.05
    begins: bool = True
    criterion: CriterionName = "cross-entropy"
    strength: float | None = None


def _held(fraction: float = 1.0, hold: Hold = ON_THE_MEAN, returning: bool = False, **others: Any) -> Variant:
    return Variant(lambda epochs, classes: HoldFlood(fraction, hold=hold, returning=returning, **others))


def _tracking(fraction: float) -> Variant:
    return Variant(lambda epochs, classes: TrackingFlood(fraction, hold=ON_THE_MEAN))


def _rewind(hold: Hold) -> Variant:
    return Variant(lambda epochs, classes: RewindFlood(epochs=epochs, hold=hold))


def _default(hold: Hold) -> Variant:
    return Variant(
        lambda epochs, classes: load_controller("default", epochs=epochs, classes=classes, hold=hold),
        begins=False,
    )


VARIANTS: dict[str, Variant] = {
    **{
        f"none, EMA of {over:g}": Variant(lambda e, c: ConstantFlood(0.0), over)
        for over in (0.01, 0.02, 0.05, 0.1)
    },
    "hold": _held(),
    "sign by batch, ascents 1": _held(hold=Hold()),
    "sign by batch": _held(hold=Hold(1, 0.25)),
    "mean of 4": _held(hold=Hold(4, 0.25)),
    "mean of 64": _held(hold=Hold(64, 0.25)),
    "ascents 1": _held(hold=Hold(16, 1.0)),
    "ascents 0.5": _held(hold=Hold(16, 0.5)),
    "ascents 0.1": _held(hold=Hold(16, 0.1)),
    "at 0.9": _held(0.9),
    "at 0.8": _held(0.8),
    "EMA of 0.05": Variant(_held().make, 0.05, begins=False),
    "EMA of 0.2": Variant(_held().make, 0.2, begins=False),
    "returning": _held(returning=True),
    "returning, at 0.8": _held(0.8, returning=True),
    "turn by accuracy": _held(turn="accuracy"),
    "turn by accuracy, returning, at 0.8": _held(0.8, turn="accuracy", returning=True),
    "tracking 0.9": _tracking(0.9),
    "tracking 0.7": _tracking(0.7),
    "rewind": _rewind(Hold()),
    "rewind on the mean": _rewind(ON_THE_MEAN),
    **{
        f"elr {strength:g}, {name}": replace(base, criterion="elr", strength=strength)
        for strength in (1.0, 3.0)
        for name, base in {
            "none": Variant(lambda e, c: ConstantFlood(0.0), 0.02),
            "returning, at 0.8": _held(0.8, returning=True),
            "turn by accuracy, returning, at 0.8": _held(0.8, turn="accuracy", returning=True),
        }.items()
    },
    "default": _default(Hold()),
    "default on the mean": _default(ON_THE_MEAN),
}  # fmt: skip
"""``hold`` is the rule that the others change one thing of, down to ``turn by accuracy``."""


def variant(name: str) -> Variant:
    """The variant of that name, or the one of a controller: by its name or its file.

    Raises:
        InputError: if it is neither, or the file cannot be read.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    if (file := find_controller(name)) is None:
        raise InputError(f"{name!r} is no controller and no variant: use one of {'; '.join(VARIANTS)}")
    controller = Controller.load(file)
    return Variant(
        lambda e, c: PolicyScheduler(controller, epochs=e, classes=c),
        AVERAGE_SHARE,
        criterion=controller.spec.criterion,
    )


def problems(regime: str, draws: int = DRAWS) -> list[tuple[Task, int]]:
    """Tasks of a regime with their data seeds: every family and draw at every noise."""
    found = []
    for number, family in enumerate(FAMILIES):
        mixture = Mixture(
            base=REGIMES[regime], families=(family,), clean_share=1.0, classes=(2, 8), dimensions=(2, 24)
        )
        for draw in range(draws):
            place = list(REGIMES).index(regime)
            task = mixture.draw(np.random.default_rng([_SEED, place, number, draw]))
            seed = 70_000 + 1000 * place + 100 * number + draw
            found += [(task.model_copy(update={"label_noise": noise}), seed) for noise in NOISES]
    return found


def scores(variant: Variant, pairs: list[tuple[Task, int]]) -> dict[str, list[float]]:
    """Test accuracies on clean labels of the four networks of every run."""
    trained = {"criterion": variant.criterion, "strength": variant.strength}
    tasks, seeds = [task.model_copy(update=trained) for task, _ in pairs], [seed for _, seed in pairs]
    one = tasks[0]
    classes = np.array([task.source().classes for task in tasks])
    scheduler = variant.make(one.epochs, classes)
    steering: Any = scheduler if variant.begins else _NoBeginning(scheduler)
    scored = four_networks(steering, tasks, seeds, max(1.0, variant.over * one.steps))
    return {moment: accuracies.round(4).tolist() for moment, accuracies in scored.items()}


class _NoBeginning:
    """A scheduler whose average stays an exponential one."""

    begins = False

    def __init__(self, scheduler: FloodScheduler) -> None:
        self._scheduler = scheduler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Variants, or controllers; all variants if none is given.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write everything measured to this file.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="Problems of each family and regime.")] = DRAWS,
    regimes: Annotated[str, typer.Option(help="Regimes, with semicolons between.")] = ";".join(REGIMES),
) -> None:
    """Train the variants and print each one's average less early stopping and less an EMA stopped early."""
    torch.set_num_threads(1)
    names = names or list(VARIANTS)
    variants = {name: variant(name) for name in names}
    wanted = regimes.split(";")
    if out is not None:
        check_output(out, "--out")
    file = None if out is None else GrowingFile(out, "--out")
    found: dict[str, dict[str, Any]] = {
        regime: {"noise": [task.label_noise for task, _ in problems(regime, draws)], "variants": {}}
        for regime in wanted
    }
    stopped = False
    try:
        jobs = [(regime, name) for regime in wanted for name in names]
        for regime, name in track(jobs, console=Console(stderr=True)):
            began = time.monotonic()
            scored = scores(variants[name], problems(regime, draws))
            found[regime]["variants"][name] = {**scored, "seconds": round(time.monotonic() - began, 1)}
            if file is not None:  # each at once: the next one may take minutes
                file.write(json.dumps(found))
    except KeyboardInterrupt:
        stopped = True
    for regime in wanted:
        Console().print(_table(regime, found[regime]))
    if file is not None:
        file.finish()
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _table(regime: str, found: dict[str, Any]) -> Table:
    table = Table("", *MOMENTS, "average - early stopping", "average - EMA stopped early", title=regime)
    variants = found["variants"]
    plain = [scored for name, scored in variants.items() if name.startswith("none")]
    for name, scored in variants.items():
        cells = [f"{100 * np.mean(scored[moment]):.1f}" for moment in MOMENTS]
        if plain:
            rival = max((s["best-average"] for s in plain), key=np.mean)
            for other in (plain[0]["best"], rival):
                difference = paired(_by_draw(scored["average"]), _by_draw(other)).difference
                mean, low, high = (100 * v for v in (difference.mean, difference.low, difference.high))
                cells.append(f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]")
        table.add_row(name, *cells)
    return table


def _by_draw(values: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Means over the noises of each draw: problems at several noises are no problems of their own."""
    return np.reshape(values, (-1, len(NOISES))).mean(axis=1)


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
