"""Speed of the stacked trainer against the straightforward way, side by side.

``python -m benchmarks.speed`` (or ``make bench``) measures network-epochs a second, each with its share
of the evaluations and resets that an environment needs, and compares the accuracies that both sides end with.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from stable_baselines3.common.vec_env import SubprocVecEnv

from benchmarks.measure import Clock, alternate, gflop_per_epoch, matrix_product, paired_interval, spread
from benchmarks.plain import PlainFloodEnv
from rlflood.envs import FloodVectorEnv
from rlflood.errors import InputError, told
from rlflood.interrupts import sigterm_as_ctrl_c
from rlflood.output import GrowingFile, check_output
from rlflood.training import (
    Machine,
    PopulationTrainer,
    Precision,
    Task,
    ThreadedPopulation,
    make_population,
)
from rlflood.training.averaging import average_steps

WORKERS = 2
LEVEL = 10  # the action that stands for b = 0.10, on both sides
PEAK = "matrix product"


@dataclass(frozen=True)
class Case:
    """A network, the numbers of replicas to try, and the ratio aimed at."""

    name: str
    task: Task
    replicas: tuple[int, ...]
    target: float
    seeds: int = 16  # of the comparison of accuracies
    average: bool = False  # whether an average of the weights is kept and paid for, on both sides


CASES = (
    Case("3x100", Task(label_noise=0.1, test_size=1000, epochs=200), (16, 64, 256), 10.0),
    Case("5x500", Task(label_noise=0.1, test_size=1000, epochs=100, hidden=(500,) * 5), (4, 16, 32), 3.0),
    Case(
        "2x64 in batches of 25",
        Task(label_noise=0.1, test_size=1000, train_size=500, batch_size=25, epochs=40, hidden=(64, 64)),
        (64, 256),
        10.0,
        average=True,
    ),
)


@dataclass(frozen=True)
class Row:
    """One side's network-epochs a second, and times the baseline's in the same block."""

    side: str
    rate: tuple[float, float, float]
    ratio: tuple[float, float, float]


@dataclass(frozen=True)
class Result:
    """What one case came to; ``peak`` in GFLOP/s, ``share`` of it that training in float32 reaches."""

    case: str
    rows: list[Row]
    baseline: str
    target: float
    reached: float
    gflop_per_epoch: float
    peak: tuple[float, float, float]
    share: tuple[float, float, float]
    ceiling: float
    accuracy: dict[str, float]
    accuracy_difference: tuple[float, float, float]


def precisions() -> tuple[Precision, ...]:
    """What the processor multiplies in hardware."""
    best = Machine(precision="auto").number_format
    return ("float32",) if best == "float32" else ("float32", best)


def plain_env(task: Task, threads: int | None, average: bool) -> SubprocVecEnv:
    """The straightforward way: a process for each plain network."""
    return SubprocVecEnv([lambda: PlainFloodEnv(task, threads, average)] * WORKERS)


def with_resets(
    step: Callable[[], object], reset: Callable[[], object], networks: int, epochs: int, clock: Clock
) -> Callable[[], float]:
    """Count a step as the network-epochs that would be done in its time were its share of a reset in it."""
    reset()
    resets = []
    for _ in range(3):
        start = clock()
        reset()
        resets.append(clock() - start)
    share = float(np.median(resets)) / epochs

    def work() -> float:
        start = clock()
        step()
        elapsed = clock() - start
        return networks * elapsed / (elapsed + share)

    return work


def train_epoch(trainer: PopulationTrainer | ThreadedPopulation) -> float:
    """One epoch of every replica, and how many network-epochs that was."""
    trainer.run_epoch(0.1)
    return trainer.replicas


def measure(case: Case, blocks: int, seconds: float, threads: int, cpu_time: bool = False) -> Result:
    """Both sides of a case in alternating blocks.

    With ``cpu_time``, what one core does in a second of its own time, the plain network in this process too.
    """
    clock = time.thread_time if cpu_time else time.perf_counter
    endless = case.task.model_copy(update={"epochs": 1_000_000})  # no run ends within a block
    epochs = case.task.epochs
    sides: dict[str, Callable[[], float]] = {PEAK: matrix_product(threads)}
    plain: dict[str, PlainFloodEnv | SubprocVecEnv] = {}
    if cpu_time:
        plain["plain network, in this process"] = PlainFloodEnv(endless, 1, case.average)
    else:
        plain[f"{WORKERS} processes, 1 thread each"] = plain_env(endless, 1, case.average)
        plain[f"{WORKERS} processes, default threads"] = plain_env(endless, None, case.average)
    for name, side in plain.items():
        networks = side.num_envs if isinstance(side, SubprocVecEnv) else 1
        action = np.full(networks, LEVEL) if networks > 1 else np.int64(LEVEL)
        sides[name] = with_resets(partial(side.step, action), side.reset, networks, epochs, clock)  # type: ignore[arg-type]
    for precision in precisions():
        for n in case.replicas:
            env = FloodVectorEnv(
                n, precision=precision, threads=threads, average=case.average, **dict(endless)
            )
            step = partial(env.step, np.full(n, LEVEL))
            sides[f"FloodVectorEnv, {n} replicas, {precision}"] = with_resets(
                step, env.reset, n, epochs, clock
            )
            trainer = make_population(
                [endless] * n,
                range(n),
                range(n),
                machine=Machine(precision=precision, threads=threads),
                average=average_steps(endless) if case.average else None,
            )
            sides[f"trainer alone, {n} replicas, {precision}"] = partial(train_epoch, trainer)
    rates = alternate(sides, blocks, seconds, clock)
    for side in plain.values():
        side.close()
    peaks = rates.pop(PEAK)
    baseline = max(plain, key=lambda name: float(np.median(rates[name])))
    rows = [Row(name, spread(rate), spread(rate / rates[baseline])) for name, rate in rates.items()]
    gflop = gflop_per_epoch(case.task, case.task.source().features, int(trainer.classes[0]))
    alone = [rate for name, rate in rates.items() if name.startswith("trainer") and name.endswith("float32")]
    share = max((rate * gflop / peaks for rate in alone), key=lambda values: float(np.median(values)))
    accuracy, difference = accuracies(case, threads)
    return Result(
        case=case.name,
        rows=rows,
        baseline=baseline,
        target=case.target,
        reached=max(row.ratio[0] for row in rows if row.side.startswith("FloodVectorEnv")),
        gflop_per_epoch=gflop,
        peak=spread(peaks),
        share=spread(share),
        ceiling=float(np.median(peaks / gflop / rates[baseline])),
        accuracy=accuracy,
        accuracy_difference=difference,
    )


def accuracies(case: Case, threads: int) -> tuple[dict[str, float], tuple[float, float, float]]:
    """Mean final test accuracy (clean labels) of whole runs on the same data, and the paired difference."""
    env = FloodVectorEnv(
        case.seeds, precision="auto", threads=threads, average=case.average, **dict(case.task)
    )
    env.reset(seed=0)
    for _ in range(case.task.epochs):
        *_, infos = env.step(np.full(case.seeds, LEVEL))
    stacked = infos["test_clean_accuracy"].tolist()
    venv = plain_env(case.task, 1, case.average)
    plain: list[float] = []
    for seed in range(0, case.seeds, WORKERS):
        venv.seed(seed)
        venv.reset()
        for _ in range(case.task.epochs):
            *_, plain_infos = venv.step(np.full(WORKERS, LEVEL))
        plain += [info["accuracy"] for info in plain_infos]
    venv.close()
    means = {"FloodVectorEnv": float(np.mean(stacked)), "plain": float(np.mean(plain[: case.seeds]))}
    return means, paired_interval(stacked, plain[: case.seeds])


def show(result: Result, console: Console) -> None:
    """Print a case's tables."""
    table = Table(title=f"{result.case}: network-epochs a second (median, lowest and highest block)")
    for column in ("side", "a second", "range", "x baseline", "range"):
        table.add_column(column, justify="left" if column == "side" else "right")
    for row in result.rows:
        marked = f"{row.side} (baseline)" if row.side == result.baseline else row.side
        (rate, *rates), (ratio, *ratios) = row.rate, row.ratio
        table.add_row(
            marked,
            f"{rate:,.0f}",
            "{:,.0f} to {:,.0f}".format(*rates),
            f"{ratio:.2f}",
            "{:.2f} to {:.2f}".format(*ratios),
        )
    console.print(table)
    console.print(
        f"Reached {result.reached:.1f} times the baseline; the target is {result.target:g}. At "
        f"{result.gflop_per_epoch * 1000:.1f} MFLOP a network-epoch and a float32 peak of "
        f"{result.peak[0]:.0f} GFLOP/s nothing in float32 can reach more than {result.ceiling:.1f}."
    )
    console.print("Training reaches {:.0%} of that peak ({:.0%} to {:.0%}).".format(*result.share))
    means = ", ".join(f"{side} {accuracy:.4f}" for side, accuracy in result.accuracy.items())
    console.print(
        f"Test accuracy on clean labels after a whole run: {means}; "
        "paired difference {:+.4f} ({:+.4f} to {:+.4f}).\n".format(*result.accuracy_difference)
    )


def profile(case: Case, console: Console) -> None:
    """Print where the time of one epoch goes."""
    n = case.replicas[1]
    trainer = PopulationTrainer(
        [case.task] * n,
        range(n),
        range(n),
        machine=Machine(precision="auto"),
        average=average_steps(case.task) if case.average else None,
    )
    for _ in range(3):
        trainer.run_epoch(0.1)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as recorded:
        trainer.run_epoch(0.1)
    table = Table(title=f"{case.name}: one epoch of {n} replicas, {trainer.precision}")
    for column in ("operation", "calls", "ms", "share"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    events = sorted(recorded.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    for event in events[:14]:
        own = event.self_cpu_time_total
        table.add_row(event.key, str(event.count), f"{own / 1000:.1f}", f"{own / total:.1%}")
    console.print(table)


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Save the figures here.")] = None,
    show_profile: Annotated[
        bool, typer.Option("--profile", help="Show where an epoch's time goes instead.")
    ] = False,
    blocks: Annotated[
        int | None, typer.Option(min=1, help="Alternating blocks of each side.", show_default="7")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds of a block.", show_default="1")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads of the stacked side, each with a part of the replicas.",
            show_default=f"{WORKERS}, or 1 with --cpu-time",
        ),
    ] = None,
    cpu_time: Annotated[
        bool, typer.Option("--cpu-time", help="Compare CPU time in one thread: for a busy machine.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(help=f"One case: {'; '.join(case.name for case in CASES)}.")
    ] = None,
) -> None:
    """Measure network-epochs a second of the stacked trainer against plain networks in SubprocVecEnv."""
    if json_file is not None:
        check_output(json_file, "--json")
    if show_profile and (cpu_time or {json_file, blocks, seconds, threads} != {None}):
        raise InputError(
            "--profile shows one epoch and measures nothing: leave out --json, --blocks, --seconds, "
            "--threads and --cpu-time"
        )
    if cpu_time and threads not in (None, 1):
        raise InputError(f"--cpu-time is that of one thread: leave out --threads {threads}")
    threads = 1 if cpu_time else threads or WORKERS
    torch.set_num_threads(1)  # one for each of the stacked side's own threads
    console = Console()
    cases = [case for case in CASES if only in (None, case.name)]
    if not cases:
        raise typer.BadParameter(f"--only {only}: use one of {', '.join(case.name for case in CASES)}")
    if show_profile:
        for case in cases:
            profile(case, console)
        return
    machine: dict[str, Any] = {
        "cores": os.cpu_count(),
        "threads": threads,
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "clock": "CPU time of one thread" if cpu_time else "wall",
        "load before": os.getloadavg()[0],
    }
    file = None if json_file is None else GrowingFile(json_file, "--json")
    results = []
    for case in cases:
        results.append(measure(case, blocks or 7, 1.0 if seconds is None else seconds, threads, cpu_time))
        show(results[-1], console)
        machine["load after"] = os.getloadavg()[0]
        if file is not None:
            file.write(json.dumps({"machine": machine, "cases": [asdict(r) for r in results]}, indent=1))
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    if file is not None:
        file.finish()


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
