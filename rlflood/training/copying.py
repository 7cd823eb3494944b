"""Replicas that become copies of others, in the states of the trainers that train them."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

State = TypeVar("State")


def check_sources(
    sources: NDArray[np.int64], features: NDArray[np.int64], classes: NDArray[np.int64]
) -> None:
    """Make sure that each replica can become a copy of its source.

    Args:
        sources: For each replica the number of the one that it becomes a copy of.
        features: Inputs of each replica.
        classes: Classes of each replica.

    Raises:
        ValueError: if there is not one number of a replica for each, or networks of other sizes would mix.
    """
    if sources.shape != classes.shape or not ((sources >= 0) & (sources < len(classes))).all():
        raise ValueError(f"one source a replica, from 0 to {len(classes) - 1}: got {sources}")
    if (features[sources] != features).any() or (classes[sources] != classes).any():
        raise ValueError("a replica can only become a copy of one with as many features and classes")


def with_copies(states: Sequence[State], own: int, parts: Tensor, rows: Tensor) -> State:
    """The state ``states[own]`` with each replica's entries taken from another's.

    Tensors hold one replica in each entry of their first axis; a number in a tensor of shape ``()``, such as
    Adam's step count, belongs to all replicas and stays.

    Args:
        states: What ``state_dict`` returned for each stack: tensors, numbers, dictionaries and lists.
        own: Which of them is changed; none is changed in place.
        parts: For each replica of ``states[own]`` the stack of its source, shape ``(replicas,)``.
        rows: The source's number within that stack, shape ``(replicas,)``.
    """
    return _taken(states, own, parts, rows)  # type: ignore[no-any-return]


def _taken(states: Sequence[Any], own: int, parts: Tensor, rows: Tensor) -> Any:
    value = states[own]
    if isinstance(value, dict):
        return {key: _taken([state[key] for state in states], own, parts, rows) for key in value}
    if isinstance(value, list):
        return [_taken(items, own, parts, rows) for items in zip(*states, strict=True)]
    if not isinstance(value, Tensor) or value.dim() == 0:
        return value
    taken = torch.zeros_like(value)
    for number in parts.unique().tolist():
        here = (parts == number).nonzero()[:, 0].to(value.device)
        source = states[number][rows.to(value.device)[here]]
        # stacks may be padded to other widths; beyond a replica's own, both hold zeros
        common = tuple(slice(min(sizes)) for sizes in zip(value.shape[1:], source.shape[1:], strict=True))
        taken[(here, *common)] = source[(slice(None), *common)]
    return taken


def cloned(value: State) -> State:
    """A state whose tensors are copies."""
    if isinstance(value, Tensor):
        return value.clone()  # type: ignore[return-value]
    if isinstance(value, dict):
        return {key: cloned(item) for key, item in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [cloned(item) for item in value]  # type: ignore[return-value]
    return value
