"""The optimizer of a task."""

from typing import Any

import torch
from torch import nn

from rlflood.training.copying import cloned
from rlflood.training.task import Task

_OF_THE_DEVICE = ("lr", "capturable")


def make_optimizer(task: Task, network: nn.Module, *, captured: bool = False) -> torch.optim.Optimizer:
    """The task's optimizer over a network's parameters, in its fused form, the fastest on CPU and GPU.

    Args:
        task: The task.
        network: The network.
        captured: Whether a CUDA graph may capture its steps, if the network is on a GPU.
    """
    options: dict[str, Any] = {"lr": task.learning_rate, "weight_decay": task.weight_decay, "fused": True}
    device = next(network.parameters()).device
    captured = captured and device.type == "cuda"
    if captured:
        # a tensor, which a CUDA graph reads anew at each replay
        options["lr"] = torch.tensor(task.learning_rate, device=device)
    if task.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=task.momentum, **options)
    kind = torch.optim.Adam if task.optimizer == "adam" else torch.optim.AdamW
    return kind(network.parameters(), capturable=captured, **options)


def set_learning_rate(group: dict[str, Any], rate: float) -> None:
    """Change the learning rate of a parameter group, in its place if it is a tensor."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Go on from an optimizer's state, which may have been saved on another device.

    PyTorch takes over all options of the saved one. Those that go by the device stay: a learning rate that is
    a number, and steps that can't be captured, would make a graph that is wrong, or none.
    """
    own = [
        {name: group[name] for name in _OF_THE_DEVICE if name in group} for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(cloned(state))
    for group, kept in zip(optimizer.param_groups, own, strict=True):
        rate = float(group["lr"])
        group.update(kept)
        set_learning_rate(group, rate)
