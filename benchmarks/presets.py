"""How good a preset for training controllers is, on families of problems that no preset trains on.

``python -m benchmarks.presets mine.toml --seed 1 --out mine.json`` trains a controller and scores it;
``python -m benchmarks.presets tracking none`` scores what needs no training. Presets are chosen by this
score, so neither the families nor the seeds may occur in a training or in a report. With ``--mixture
default`` the problems are fresh tasks of that preset instead: what its controllers were trained for.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rlflood.agents import Preset, load_preset, train
from rlflood.control import Controller
from rlflood.control.shipped import find_controller
from rlflood.errors import InputError, told
from rlflood.experiments.runs.setting import task_for
from rlflood.interrupts import INTERRUPTED, sigterm_as_ctrl_c
from rlflood.metrics import Array
from rlflood.output import GrowingFile, check_apart, check_output
from rlflood.schedulers import (
    ConstantFlood,
    FloodScheduler,
    HoldFlood,
    PolicyScheduler,
    RewindFlood,
    TrackingFlood,
)
from rlflood.training import Machine, Task, make_population, run
from rlflood.training.averaging import average_steps
from rlflood.training.distribution import Family, Mixture
from rlflood.training.trainer import MOMENTS, Moment

FAMILIES: tuple[Family, ...] = ("rings", "checkerboard", "decision-tree", "patterns")
"""Three are hard even when clean; the last is easy and loses much to noise, as images do."""
NOISES = (0.0, 0.1, 0.2, 0.4)
DRAWS = 12
REGIMES = {
    "full batch": Task(hidden=(100, 100, 100), train_size=200, val_size=100, test_size=1000, epochs=200),
    "mini-batches": Task(
        hidden=(100, 100, 100), train_size=300, val_size=150, test_size=1000, batch_size=50, epochs=100
    ),
    "SGD": Task(
        hidden=(64, 64, 64), train_size=200, val_size=60, test_size=1000, batch_size=20, epochs=60,
        optimizer="sgd", learning_rate=0.03,
    ),
    "large steps": Task(
        hidden=(64,) * 5, train_size=200, val_size=150, test_size=1000, epochs=200, learning_rate=0.008
    ),
}  # fmt: skip
"""Other networks and lengths than presets train on: what is asked for is transfer. A step of the last one
moves its outputs as far as one of the paper's five layers of 500 at 1e-3, at a fiftieth of the cost."""
RULES: dict[str, Callable[[int], FloodScheduler]] = {
    "none": lambda epochs: ConstantFlood(0.0),
    "tracking": lambda epochs: TrackingFlood(0.7),
    "rewind": lambda epochs: RewindFlood(epochs=epochs),
    "hold-returning": lambda epochs: HoldFlood(),
}
"""What needs no training, given the epochs of a run."""

Problems = dict[str, list[tuple[Task, int]]]
"""By kind of run: tasks, which fit one stack, with their data seeds."""

_STACK = 72
_SEED = 777


@dataclass(frozen=True)
class Score:
    """Of each run, in the order of the problems: test accuracies on clean labels, and what it was.

    Of its four networks ``final`` is the last; averages begin where the scheduler says. ``left_to_rule`` says
    whether a controller's run ended under the rule that takes over where networks step too far.
    """

    final: list[float]
    best: list[float]
    average: list[float]
    best_average: list[float]
    left_to_rule: list[bool]
    family: list[str]
    regime: list[str]
    label_noise: list[float]


def validation_problems(draws: int = DRAWS) -> Problems:
    """Every problem at every label noise and in every regime."""
    found: Problems = {}
    for regime, base in REGIMES.items():
        found[regime] = []
        for number, family in enumerate(FAMILIES):
            mixture = Mixture(
                base=base, families=(family,), clean_share=1.0, classes=(2, 6), dimensions=(2, 16)
            )
            for draw in range(draws):
                task = mixture.draw(np.random.default_rng([_SEED, number, draw]))
                for noise in NOISES:
                    noisy = task.model_copy(update={"label_noise": noise})
                    found[regime].append((noisy, 90_000 + 100 * number + draw))
    return found


def mixture_problems(mixture: Mixture, draws: int = DRAWS) -> Problems:
    """Fresh tasks of a mixture, as many of each of its variants; training draws others."""
    found: Problems = {}
    for number, variant in enumerate(mixture.variants):
        one = Mixture.model_validate({**mixture.model_dump(), "variants": (variant,)})
        rng = np.random.default_rng([_SEED, len(FAMILIES) + number])
        found[f"variant {number + 1}"] = [
            (one.draw(rng), 95_000 + 1000 * number + draw) for draw in range(8 * draws)
        ]
    return found


def read(name: str) -> Preset | Controller | str:
    """The preset, the controller or the rule that a name stands for.

    Raises:
        InputError: if it stands for nothing, or its file cannot be read.
    """
    if name.endswith(".toml"):
        return load_preset(name)
    if (file := find_controller(name)) is not None:
        return Controller.load(file)
    if name not in RULES:
        raise InputError(f"{name} is no preset (.toml), no controller, and no rule ({', '.join(RULES)})")
    return name


def score(policy: Controller | str, problems: Problems) -> Score:
    """Run a controller, or the rule of that name, on all problems."""
    accuracies: dict[Moment, list[float]] = {moment: [] for moment in MOMENTS}
    left: list[bool] = []
    families: list[str] = []
    regimes: list[str] = []
    noises: list[float] = []
    for regime, pairs in problems.items():
        for start in range(0, len(pairs), _STACK):
            tasks = [task for task, _ in pairs[start : start + _STACK]]
            if isinstance(policy, Controller):
                tasks = [task_for(policy, task) for task in tasks]
            seeds = [seed for _, seed in pairs[start : start + _STACK]]
            classes = np.array([task.source().classes for task in tasks])
            scheduler = _scheduler(policy, tasks[0].epochs, classes)
            average = average_steps(tasks[0])
            for moment, scored in four_networks(scheduler, tasks, seeds, average).items():
                accuracies[moment] += scored.tolist()
            ruled = scheduler.left_to_rule if isinstance(scheduler, PolicyScheduler) else np.zeros(1, bool)
            left += np.broadcast_to(ruled, len(tasks)).tolist()
            families += [task.data for task in tasks]
            regimes += [regime] * len(tasks)
            noises += [task.label_noise for task in tasks]
    return Score(*accuracies.values(), left, families, regimes, noises)


def four_networks(
    scheduler: FloodScheduler, tasks: list[Task], seeds: list[int], average: float
) -> dict[Moment, Array]:
    """Train a stack under a scheduler; test accuracies on clean labels of every run's four networks.

    Args:
        scheduler: Also says how its levels are held, and where an average begins.
        tasks: Those of one stack.
        seeds: Their data seeds; those of their networks are five higher.
        average: Steps that the exponential average goes back.
    """
    trainer = make_population(
        tasks, seeds, [seed + 5 for seed in seeds], keep_best=True, average=average, hold=scheduler.hold
    )
    for _ in run(trainer, scheduler, epochs=tasks[0].epochs):
        pass
    return {moment: trainer.evaluate("test", moment).clean_accuracy for moment in MOMENTS}


def means(scored: Score) -> dict[str, float]:
    """The rows of the table: means over all runs and over each kind, and the share left to the rule."""
    final, noise = np.array(scored.final), np.array(scored.label_noise)
    rows = {
        "last epoch": final.mean(),
        "best checkpoint": np.mean(scored.best),
        "average": np.mean(scored.average),
        "best average": np.mean(scored.best_average),
        "noisy": final[noise > 0].mean(),
    }
    rows |= {f"{100 * level:g} % noise": final[noise == level].mean() for level in NOISES if level in noise}
    for kinds in (np.array(scored.family), np.array(scored.regime)):
        rows |= {kind: final[kinds == kind].mean() for kind in dict.fromkeys(kinds.tolist())}
    return rows | {"left to the rule": np.mean(scored.left_to_rule)}


def _scheduler(policy: Controller | str, epochs: int, classes: Any) -> FloodScheduler:
    if isinstance(policy, str):
        return RULES[policy](epochs)
    return PolicyScheduler(policy, epochs=epochs, classes=classes)


def trained(preset: Preset, seed: int, threads: int) -> tuple[Controller, dict[str, Any]]:
    """A controller trained by a preset, and how."""
    with TemporaryDirectory() as folder:
        outcome = train(preset, Path(folder), seed=seed, machine=Machine(precision="auto", threads=threads))
    if not outcome.finished:  # half a training says nothing of its preset
        raise KeyboardInterrupt
    made = {"preset": preset.model_dump(mode="json"), "seed": seed, "seconds": round(outcome.seconds, 1)}
    return outcome.controller, made


def main(
    names: Annotated[
        list[str], typer.Argument(help=f"Presets (.toml), controllers, or rules: {', '.join(RULES)}.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write everything measured to this file.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the training of presets.", show_default="0")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of the training of presets.", show_default="1")
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Problems of each family and regime.")] = DRAWS,
    mixture: Annotated[
        str | None, typer.Option(help="Score on fresh tasks of this preset, 8 x draws of each variant.")
    ] = None,
) -> None:
    """Train by presets, and score what they give and what needs no training."""
    torch.set_num_threads(1)
    if out is not None:
        check_output(out, "--out")
    check_apart({"--out": out}, {}, names)
    # all are read before the first is run, which takes minutes
    policies = {name: read(name) for name in names}
    if {seed, threads} != {None} and not any(isinstance(policy, Preset) for policy in policies.values()):
        raise InputError("--seed and --threads are for the training of presets (.toml), and there is none")
    problems = mixture_problems(load_preset(mixture).tasks, draws) if mixture else validation_problems(draws)
    found: dict[str, Any] = {}
    file = None if out is None else GrowingFile(out, "--out")
    columns: list[dict[str, float]] = []
    stopped = False
    try:
        for name, policy in policies.items():
            made, began = {}, time.monotonic()
            if isinstance(policy, Preset):
                policy, made = trained(policy, seed or 0, threads or 1)
            scored = score(policy, problems)
            columns.append(means(scored))
            found[name] = {**made, "wall": round(time.monotonic() - began, 1), "score": asdict(scored)}
            if file is not None:  # each at once: the next one may take hours
                file.write(json.dumps(found))
    except KeyboardInterrupt:
        stopped = True
    table = Table("test accuracy, %", *(escape(Path(name).name) for name in found))
    for row in columns[0] if columns else ():
        table.add_row(row, *(f"{100 * column[row]:.2f}" for column in columns))
    Console().print(table)
    if file is not None:
        file.finish()
    if stopped:
        raise typer.Exit(INTERRUPTED)


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
