"""The optimizer of a task."""

from typing import Any

import torch
from torch import nn

from rlflood.training.task import Task


def make_optimizer(task: Task, network: nn.Module) -> torch.optim.Optimizer:
    """The task's optimizer over a network's parameters, in its fused form, the fastest on CPU and GPU."""
    options: dict[str, Any] = {"lr": task.learning_rate, "weight_decay": task.weight_decay, "fused": True}
    device = next(network.parameters()).device
    on_gpu = device.type == "cuda"
    if on_gpu:
        # a tensor, which a CUDA graph reads anew at each replay
        options["lr"] = torch.tensor(task.learning_rate, device=device)
    if task.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=task.momentum, **options)
    kind = torch.optim.Adam if task.optimizer == "adam" else torch.optim.AdamW
    return kind(network.parameters(), capturable=on_gpu, **options)


def set_learning_rate(group: dict[str, Any], rate: float) -> None:
    """Change the learning rate of a parameter group, in its place if it is a tensor."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate
