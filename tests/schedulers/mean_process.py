"""One process of several that hold one level: ``python mean_process.py RENDEZVOUS RANK PROCESSES OUT``."""

import sys
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from rlflood.holding import Hold
from rlflood.meter import Meter
from rlflood.schedulers import ConstantFlood
from rlflood.weight_average import WeightAverage

LEVEL = 0.5
HOLD = Hold(batches=4, ascent=0.25)


def losses_of(rank: int) -> Tensor:
    """The losses of one process, about the level."""
    return torch.rand(40, generator=torch.Generator().manual_seed(rank))


def train(losses: Tensor, hold: Hold = HOLD) -> dict[str, Any]:
    """Which way each step goes, the last half in two parts each, the mean at the end, and the ascents."""
    scheduler, signs = ConstantFlood(LEVEL, hold=hold), []
    for number, loss in enumerate(losses):
        at = loss.clone().requires_grad_()
        scheduler(at, parts=1 if number < 20 else 2).backward()
        assert at.grad is not None
        signs.append(at.grad.item())
    state = scheduler.state_dict()["batches"]
    scheduler.step(train_loss=0.5, train_acc=0.5)
    return {"signs": signs, "batches": state, "ascended": scheduler.ascended}


def measured(losses: Tensor) -> tuple[float, float]:
    """What a meter makes of them, each of one sample, the first ten right; process 0 alone validates."""
    meter = Meter(ConstantFlood(LEVEL))
    for number, loss in enumerate(losses):
        meter.add(loss, torch.tensor([[1.0, 0.0]]), torch.tensor([int(number >= 10)]))
    if distributed.get_rank() == 0:
        meter.validate(losses[0], torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    found = meter.step()
    assert (found.val_loss, found.val_acc) == (losses_of(0)[0].double(), 1)
    return float(found.train_loss), float(found.train_acc)


if __name__ == "__main__":
    rendezvous, rank, processes, out = sys.argv[1:]
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=int(rank), world_size=int(processes)
    )
    found = train(losses_of(int(rank)))
    found["ascended_alone"] = train(losses_of(int(rank)), Hold())["ascended"]
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0 + int(rank))  # DistributedDataParallel gives all the first's
    average = WeightAverage(DistributedDataParallel(model))
    average.update()
    metered = measured(losses_of(int(rank))[: 40 - 20 * int(rank)])
    torch.save(found | {"average": average.module.weight.item(), "metered": metered}, out)
    distributed.destroy_process_group()
