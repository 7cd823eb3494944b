"""The optimizer of a task."""

from typing import Any

import torch
from torch import nn

from rlflood.training.task import Task


def make_optimizer(task: Task, network: nn.Module) -> torch.optim.Optimizer:
    """The task's optimizer over a network's parameters, in its fused form, the fastest on CPU and GPU."""
    options: dict[str, Any] = {"lr": task.learning_rate, "weight_decay": task.weight_decay, "fused": True}
    if task.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=task.momentum, **options)
    kind = torch.optim.Adam if task.optimizer == "adam" else torch.optim.AdamW
    return kind(network.parameters(), **options)
