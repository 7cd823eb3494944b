"""How large a task's network is."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch

from rlflood.data.source import ImageShape
from rlflood.training.images.convolutional import image_network
from rlflood.training.task import Task


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """Weights and biases of a network, and multiplications of a forward pass a sample, roughly."""

    parameters: int
    multiplications: int


def network_size(task: Task) -> NetworkSize:
    """The size of a task's network.

    Raises:
        InputError: if the task's data cannot be loaded.
    """
    source = task.source()
    if task.network == "mlp" or source.image_shape is None:
        sizes = (source.features, *task.hidden, source.classes)
        parameters = sum((a + 1) * b for a, b in pairwise(sizes))
        return NetworkSize(parameters, parameters)
    return _size(task.network, source.image_shape, source.classes)


@lru_cache
def _size(network: str, shape: ImageShape, classes: int) -> NetworkSize:
    from torch.utils.flop_counter import FlopCounterMode

    module = image_network(network, shape, classes, 0).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *shape, device="meta"))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return NetworkSize(parameters, counter.get_total_flops() // 2)
