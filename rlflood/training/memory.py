"""How many networks a GPU's memory holds at once."""

import torch

from rlflood.data.synthetic import DEFAULT_TEST_SIZE
from rlflood.training.size import network_size
from rlflood.training.task import Task

_SPARE = 0.8
"""The share of the free memory to plan with."""
_COPIES = 8
"""Of each weight: itself, its gradient, Adam's two moments, the average, the best of both, and one copy on
the way."""
_ACTIVATIONS = 4
"""Of each unit and sample of a mini-batch: before and after ReLU, and the gradients of both."""
_FLOAT = 4


def replicas_that_fit(task: Task, free: int) -> int:
    """How many perceptrons of a task fit into ``free`` bytes, at least one: a rough, careful estimate."""
    source = task.source()
    test_size = task.test_size or source.size or DEFAULT_TEST_SIZE
    data = (task.train_samples + task.val_size + test_size) * (source.features + 4)
    batch = min(task.batch_size or task.train_samples, task.train_samples)
    units = batch * (source.features + sum(task.hidden) + source.classes)
    floats = _COPIES * network_size(task).parameters + _ACTIVATIONS * units + data
    return max(1, int(_SPARE * free / (floats * _FLOAT)))


def free_memory(device: torch.device) -> int:
    """Bytes that a GPU has left, those that PyTorch keeps for itself included."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
