"""ResNet-44: images a second plain, flooded, averaged, and in the trainer."""

from collections.abc import Callable
from dataclasses import asdict

import torch

from benchmarks.gpu.allowance import Allowance
from benchmarks.images import measured, plain_loop, trainer_loop, waited
from rlflood.training import Machine


def resnet(allowance: Allowance) -> None:
    """The sides in turns, in the format that the card is fastest in."""
    device = torch.device(allowance.device)
    precision = Machine(allowance.device, "float32" if allowance.tiny else "auto").number_format
    batch, batches = (2, 1) if allowance.tiny else (128, 8)

    def loop(flooded: bool, averaged: bool) -> Callable[[], None]:
        return plain_loop(device, precision, batch, batches, flooded, averaged)

    sides = {
        "plain loop": loop(False, False),
        "scheduler": loop(True, False),
        "scheduler and average": loop(True, True),
        "ModuleTrainer": trainer_loop(device, precision, batch, batches),
    }
    ready = {name: waited(work, device, batch * batches) for name, work in sides.items()}
    blocks = 1 if allowance.tiny else 5
    # the first calls, which choose algorithms, take seconds
    seconds = 0.0 if allowance.tiny else max(0.2, 0.6 * allowance.left / (blocks * len(ready)))
    rows = measured(ready, blocks, min(seconds, 3.0))
    allowance.report({"precision": precision, "batch": batch, "rows": [asdict(row) for row in rows]})
