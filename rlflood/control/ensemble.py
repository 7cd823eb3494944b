"""Several controllers as one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlflood.control.controller import Controller
from rlflood.errors import InputError

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def ensemble(controllers: Sequence[Controller]) -> Controller:
    """The controller whose logits are the mean of those of ``controllers``.

    Trainings of one preset that differ by their seeds differ in what they make of states that training
    rarely met; their mean is steadier on new problems. It is a controller like any other, its layers as wide
    as those of all members together: side by side in the first one, block-diagonal in between, joined in the
    last.

    Args:
        controllers: Two or more, joined to runs alike, with equally many layers and no memory.

    Raises:
        InputError: if they are too few, or don't fit each other.
    """
    if len(controllers) < 2:
        raise InputError("an ensemble is made of two controllers or more")
    first, *others = controllers
    for other in others:
        if other.spec != first.spec or other.activation != first.activation:
            raise InputError(
                "the controllers of an ensemble must have the same observation, levels, strengths, number of "
                "decisions, criterion and activation: train them by one preset, with different seeds"
            )
        if len(other.layers) != len(first.layers):
            raise InputError("the controllers of an ensemble must have equally many layers")
    if any(controller.lstm is not None for controller in controllers):
        raise InputError("a controller with a memory cannot be a member of an ensemble")
    rows = list(zip(*(controller.layers for controller in controllers), strict=True))
    layers = [_joined(row, number, len(rows)) for number, row in enumerate(rows)]
    made = [controller.provenance for controller in controllers]
    provenance = {
        **{key: made[0].get(key) for key in ("algorithm", "preset", "precision", "versions")},
        "seed": [each.get("seed") for each in made],
        "episodes": sum(each.get("episodes", 0) for each in made),
        "seconds": round(sum(each.get("seconds", 0.0) for each in made), 1),
        "members": len(made),
    }
    return Controller(first.spec, layers, first.activation, provenance)


def _joined(members: Sequence[Layer], number: int, layers: int) -> Layer:
    weights, biases = zip(*members, strict=True)
    share = np.float32(1 / len(members))
    last = number == layers - 1
    bias = sum(biases) * share if last else np.concatenate(biases)
    if last and number == 0:
        return sum(weights) * share, bias
    if last:
        return np.concatenate(weights, axis=1) * share, bias
    if number == 0:
        return np.concatenate(weights), bias
    whole = np.zeros((len(bias), sum(weight.shape[1] for weight in weights)), np.float32)
    row = column = 0
    for weight in weights:
        whole[row : row + weight.shape[0], column : column + weight.shape[1]] = weight
        row, column = row + weight.shape[0], column + weight.shape[1]
    return whole, bias
