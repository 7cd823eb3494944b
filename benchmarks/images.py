"""What training convolutional networks costs: flooding, averages, the trainer's loop, many networks at once.

``python -m benchmarks.images`` measures on the CPU, ``--device cuda`` on a GPU. The sides of a comparison
take turns in short blocks of one run.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from benchmarks.measure import alternate, spread
from rlflood.cli.parsing import numbers
from rlflood.errors import told
from rlflood.holding import Hold
from rlflood.interrupts import sigterm_as_ctrl_c
from rlflood.output import check_output, write_output
from rlflood.schedulers import TrackingFlood
from rlflood.training import ModuleTrainer, Precision
from rlflood.training.images.convolutional import CifarResNet, small_cnn
from rlflood.training.machine import Machine
from rlflood.training.precision import Resolved, autocast
from rlflood.weight_average import WeightAverage

SHAPE, CLASSES = (3, 32, 32), 10


@dataclass(frozen=True)
class Row:
    """One side's images a second, and times the first side's in the same block: median, lowest, highest."""

    side: str
    rate: tuple[float, float, float]
    ratio: tuple[float, float, float]


def images(count: int, device: torch.device, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random images and labels: speed does not depend on what they show."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *SHAPE, generator=generator).to(device, memory_format=torch.channels_last)
    return x, torch.randint(CLASSES, (count,), generator=generator).to(device)


def waited(work: Callable[[], object], device: torch.device, units: int) -> Callable[[], float]:
    """``work`` and then what the device still has to do, counted in units."""

    def done() -> float:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return float(units)

    return done


def plain_loop(
    device: torch.device, precision: Resolved, batch: int, batches: int, flooded: bool, averaged: bool = False
) -> Callable[[], None]:
    """A well-written loop over ResNet-44: channels last, autocast, fused SGD; flooded and averaged or not."""
    network = CifarResNet(44).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)
    x, y = images(batch, device)
    scheduler = TrackingFlood()
    average = WeightAverage(network) if averaged else None

    def epoch() -> None:
        for _ in range(batches):
            optimizer.zero_grad()
            with autocast(precision, device):
                logits = network(x)
            loss = F.cross_entropy(logits.float(), y)
            (scheduler(loss) if flooded else loss).backward()
            optimizer.step()
            if average is not None:
                average.update()

    return epoch


def trainer_loop(device: torch.device, precision: Precision, batch: int, batches: int) -> Callable[[], None]:
    """The module trainer on the same batches, with a validation split of one image."""
    network = CifarResNet(44).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)
    own = ModuleTrainer(
        network,
        optimizer,
        [images(batch, device)] * batches,
        [images(1, device)],
        classes=CLASSES,
        device=device,
        precision=precision,
    )
    return lambda: own.run_epoch(0.5) and None


def flooding_alone(device: torch.device, hold: Hold) -> Callable[[], None]:
    """What a scheduler adds to a batch, forward and backward, by itself."""
    scheduler = TrackingFlood(hold=hold)
    loss = torch.ones((), device=device, requires_grad=True)
    return lambda: scheduler(loss * 1.0).backward()


def averaging_alone(device: torch.device) -> Callable[[], None]:
    """What the average of a ResNet-44's weights adds to a step, by itself."""
    return WeightAverage(CifarResNet(44).to(device, memory_format=torch.channels_last)).update


def in_turns(count: int, batch: int, device: torch.device) -> Callable[[], None]:
    """``count`` small networks, one step each, one after the other."""
    networks = [small_cnn(SHAPE, CLASSES).to(device, memory_format=torch.channels_last) for _ in range(count)]
    optimizers = [torch.optim.Adam(network.parameters(), fused=True) for network in networks]
    x, y = images(batch, device)

    def step() -> None:
        for network, optimizer in zip(networks, optimizers, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimizer.step()

    return step


def with_vmap(count: int, batch: int, device: torch.device) -> Callable[[], None]:
    """The same by ``torch.vmap`` over their stacked weights."""
    networks = [small_cnn(SHAPE, CLASSES).to(device) for _ in range(count)]
    skeleton = small_cnn(SHAPE, CLASSES).to("meta")
    weights = {name: value.requires_grad_() for name, value in stack_module_state(networks)[0].items()}
    optimizer = torch.optim.Adam(list(weights.values()), fused=True)
    x, y = images(batch, device)

    def one(own: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(functional_call(skeleton, own, (x,)), y)

    def step() -> None:
        optimizer.zero_grad()
        vmap(one)(weights).sum().backward()
        optimizer.step()

    return step


class _Grouped(nn.Module):
    """``count`` networks of two convolutions as one with grouped convolutions."""

    def __init__(self, count: int) -> None:
        super().__init__()
        channels, height, width = SHAPE
        self.count = count
        self.first = nn.Conv2d(count * channels, count * 16, 3, padding=1, groups=count)
        self.second = nn.Conv2d(count * 16, count * 32, 3, padding=1, groups=count)
        self.hidden = nn.Parameter(0.02 * torch.randn(count, 32 * (height // 4) * (width // 4), 64))
        self.last = nn.Parameter(0.1 * torch.randn(count, 64, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = x.repeat(1, self.count, 1, 1)
        x = F.max_pool2d(F.relu(self.second(F.max_pool2d(F.relu(self.first(x)), 2))), 2)
        x = x.view(len(x), self.count, -1).transpose(0, 1)
        return F.relu(x @ self.hidden) @ self.last


def grouped(count: int, batch: int, device: torch.device) -> Callable[[], None]:
    """The same by grouped convolutions."""
    network = _Grouped(count).to(device)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    x, y = images(batch, device)
    labels = y.repeat(count)

    def step() -> None:
        optimizer.zero_grad()
        losses = F.cross_entropy(network(x).flatten(0, 1), labels, reduction="none")
        losses.view(count, -1).mean(1).sum().backward()
        optimizer.step()

    return step


def measured(sides: dict[str, Callable[[], float]], blocks: int, seconds: float) -> list[Row]:
    """The sides in turns; ratios are to the first."""
    rates = alternate(sides, blocks, seconds)
    first = rates[next(iter(rates))]
    return [Row(side, spread(rate), spread(rate / first)) for side, rate in rates.items()]


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    batch: Annotated[int, typer.Option(help="Images in a batch of ResNet-44.")] = 32,
    batches: Annotated[int, typer.Option(help="Batches in an epoch of it.")] = 2,
    counts: Annotated[str, typer.Option(help="Small networks at once.")] = "1,4,16",
    small_batches: Annotated[str, typer.Option(help="Images in their batches.")] = "20,100",
    blocks: Annotated[int, typer.Option(help="Rounds; every side has a block in each.")] = 5,
    seconds: Annotated[float, typer.Option(help="Length of a block.")] = 3.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything to this file.")] = None,
) -> None:
    """Measure, and show the tables."""
    machine = Machine(device, "auto")
    where = machine.torch_device
    together = numbers(counts, "--counts", int, "1,4,16")
    samples = numbers(small_batches, "--small-batches", int, "20,100")
    if json_file is not None:
        check_output(json_file, "--json")
    if where.type == "cpu":
        torch.set_num_threads(1)
    precision = machine.number_format
    units = batch * batches
    tables: dict[str, list[Row]] = {}
    tables[f"ResNet-44, {precision}"] = measured(
        {
            "plain loop": waited(plain_loop(where, precision, batch, batches, False), where, units),
            "the same, flooded": waited(plain_loop(where, precision, batch, batches, True), where, units),
            "ModuleTrainer": waited(trainer_loop(where, precision, batch, batches), where, units),
        },
        blocks,
        seconds,
    )
    alone = {
        "flooding": flooding_alone(where, Hold()),
        "flooding on the running mean": flooding_alone(where, Hold(batches=20, ascent=0.5)),
        "averaging": averaging_alone(where),
    }
    sides = {name: waited(work, where, 1) for name, work in alone.items()}
    loop_batch = batch / np.median([row.rate[0] for row in tables[f"ResNet-44, {precision}"][:1]])
    shares = {row.side: 1 / row.rate[0] / loop_batch for row in measured(sides, blocks, min(seconds, 0.5))}
    for count in together:
        for small in samples:
            tables[f"{count} small networks, batches of {small}"] = measured(
                {
                    name: waited(make(count, small, where), where, count * small)
                    for name, make in (("in turns", in_turns), ("vmap", with_vmap), ("grouped", grouped))
                },
                blocks,
                seconds / 3,
            )
    console = Console()
    for title, rows in tables.items():
        table = Table("side", "images a second", "times the first", title=title)
        for row in rows:
            low, high = row.ratio[1:]
            table.add_row(row.side, f"{row.rate[0]:,.0f}", f"{row.ratio[0]:.3f} ({low:.3f} to {high:.3f})")
        console.print(table)
    for name, share in shares.items():
        console.print(f"{name} by itself is {100 * share:.3f} % of a batch of {batch} images")
    if json_file is not None:
        found = {
            "device": device, "precision": precision, "torch": torch.__version__, "cores": os.cpu_count(),
            "flooding_share": shares["flooding"], "shares": shares,
            "tables": {key: list(map(asdict, rows)) for key, rows in tables.items()},
        }  # fmt: skip
        write_output(json_file, json.dumps(found, indent=1) + "\n", "--json", rescue=True)


if __name__ == "__main__":
    with sigterm_as_ctrl_c(), told():
        typer.run(main)
