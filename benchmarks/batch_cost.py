"""What a scheduler, and the average of the weights, cost in a batch of about a millisecond.

``python -m benchmarks.batch_cost`` trains one network in a plain loop on the CPU. The same loop runs under a
rule and under a controller, with and without the average; all take turns of a few batches in one process.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional

import rlflood
from rlflood.errors import told
from rlflood.interrupts import sigterm_as_ctrl_c
from rlflood.metrics import Metrics
from rlflood.output import check_output, write_output

FEATURES, CLASSES, BATCH = 64, 10, 128
WIDTHS = (32, 48, 64, 96, 128, 192, 256, 384, 512)
MILLISECOND = 1.0
TARGETS = {False: 1.01, True: 1.05}
"""At most so many times the plain loop, without the average and with it."""
RESAMPLED = 10_000


@dataclass(frozen=True)
class Side:
    """One side's time of a batch as a multiple of the plain loop's in the same round.

    Attributes:
        side: Its name.
        ratio: Median over the rounds.
        interval: 95 % bootstrap interval of the median.
        target: At most this was aimed at.
    """

    side: str
    ratio: float
    interval: tuple[float, float]
    target: float


def held(scheduler: rlflood.FloodScheduler) -> rlflood.FloodScheduler:
    """The scheduler after a run of ten epochs that turned at the third: as a rule its level is above 0."""
    for epoch in range(10):
        scheduler.step(Metrics(2.0 - 0.15 * epoch, 0.6, 1.5 + 0.1 * abs(epoch - 3), 0.5))
    return scheduler


SIDES: dict[str, Callable[[], rlflood.FloodScheduler] | None] = {
    "plain": None,
    "HoldFlood": lambda: held(rlflood.HoldFlood()),
    "default": lambda: held(rlflood.load_controller("default", epochs=40, classes=CLASSES)),
}


def loop(width: int, side: str, average: bool) -> Callable[[], None]:
    """What trains a network of its own on one batch."""
    torch.manual_seed(0)
    x, y = torch.randn(16, BATCH, FEATURES), torch.randint(CLASSES, (16, BATCH))
    model = nn.Sequential(
        nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES)
    )
    optimizer = torch.optim.Adam(model.parameters())
    make = SIDES[side]
    scheduler = None if make is None else make()
    mean = rlflood.WeightAverage(model, scheduler) if average else None
    number = 0

    def batch() -> None:
        nonlocal number
        number = (number + 1) % len(x)
        loss = functional.cross_entropy(model(x[number]), y[number])
        if scheduler is not None:
            loss = scheduler(loss)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if mean is not None:
            mean.update()

    return batch


def milliseconds(batch: Callable[[], None], batches: int, clock: Callable[[], float]) -> float:
    """Of one batch, over so many in a row."""
    start = clock()
    for _ in range(batches):
        batch()
    return (clock() - start) / batches * 1000


def width_of_a_millisecond(clock: Callable[[], float]) -> int:
    """The narrowest network whose batch takes that long; the widest if none does."""
    for width in WIDTHS:
        batch = loop(width, "plain", False)
        if min(milliseconds(batch, 20, clock) for _ in range(10)) >= MILLISECOND:
            break
    return width


def median_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (RESAMPLED, len(values))), axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return float(low), float(high)


def measured(width: int, rounds: int, batches: int, clock: Callable[[], float]) -> tuple[float, list[Side]]:
    """The median milliseconds of a plain batch, and what each other side takes in multiples of it."""
    kinds = [(side, average) for side in SIDES for average in (False, True) if side != "plain" or not average]
    loops = [loop(width, *kind) for kind in kinds]
    for one in loops:
        milliseconds(one, 3 * batches, clock)  # first calls allocate
    rng = np.random.default_rng(0)
    took = np.empty((rounds, len(kinds)))
    for times in took:
        for place in rng.permutation(len(kinds)):
            times[place] = milliseconds(loops[place], batches, clock)
    ratios = took / took[:, :1]
    sides = [
        Side(
            f"{side}, averaged" if average else side,
            float(np.median(ratios[:, place])),
            median_interval(ratios[:, place]),
            TARGETS[average],
        )
        for place, (side, average) in enumerate(kinds)
    ]
    return float(np.median(took[:, 0])), sides[1:]


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    rounds: Annotated[int, typer.Option(min=2, help="In each, every side has a turn.")] = 300,
    batches: Annotated[int, typer.Option(min=1, help="Of a turn.")] = 20,
    width: Annotated[
        int | None, typer.Option(min=1, help="Of the network.", show_default="one millisecond")
    ] = None,
    cpu_time: Annotated[
        bool, typer.Option("--cpu-time", help="Compare CPU time: for a busy machine.")
    ] = False,
) -> None:
    """Measure what a batch costs under a scheduler, in multiples of the same batch without."""
    if json_file is not None:
        check_output(json_file, "--json")
    torch.set_num_threads(1)
    clock = time.thread_time if cpu_time else time.perf_counter
    width = width_of_a_millisecond(clock) if width is None else width
    plain, sides = measured(width, rounds, batches, clock)
    console = Console()
    table = Table("side", "times the plain loop", "95 %", "aimed at", title=f"A batch of {plain:.2f} ms")
    for side in sides:
        low, high = side.interval
        table.add_row(side.side, f"{side.ratio:.3f}", f"{low:.3f} to {high:.3f}", f"{side.target:.2f}")
    console.print(table)
    if json_file is not None:
        found = {
            "batch_ms": plain, "batch": BATCH, "width": width, "rounds": rounds, "batches": batches,
            "clock": "CPU time" if cpu_time else "wall", "cores": os.cpu_count(), "load": os.getloadavg()[0],
            "torch": torch.__version__, "vectors": torch.backends.cpu.get_cpu_capability(),
            "sides": [asdict(side) for side in sides],
        }  # fmt: skip
        write_output(json_file, json.dumps(found, indent=1) + "\n", "--json", rescue=True)


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
