"""How to measure on a machine that others use too: both sides in one run, in alternating short blocks."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from rlflood.training import Task

Clock = Callable[[], float]
Rates = dict[str, NDArray[np.float64]]


def alternate(
    sides: Mapping[str, Callable[[], float]], blocks: int, seconds: float, clock: Clock = time.perf_counter
) -> Rates:
    """Units of work a second of each side: arrays of shape ``(blocks,)``.

    Args:
        sides: For each a function that does some work once and returns how many units it was.
        blocks: Rounds; in each, every side has one block.
        seconds: Length of a block; work that has begun is finished.
        clock: ``time.thread_time`` for CPU time, which programs beside this one disturb less.
    """
    rates = {name: np.zeros(blocks) for name in sides}
    for work in sides.values():
        work()  # first calls allocate
    for block in range(blocks):
        for name, work in sides.items():
            done, start = 0.0, clock()
            while not done or clock() - start < seconds:
                done += work()
            rates[name][block] = done / (clock() - start)
    return rates


def spread(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Median, lowest and highest."""
    return float(np.median(values)), float(values.min()), float(values.max())


def matrix_product(threads: int, size: int = 1536) -> Callable[[], float]:
    """A large float32 matrix product on ``threads`` cores, counted in GFLOP: the machine's peak."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    out = torch.empty(size, size)

    def work() -> float:
        torch.set_num_threads(threads)
        torch.mm(a, b, out=out)
        torch.set_num_threads(1)
        return 2 * size**3 / 1e9

    return work


def gflop_per_epoch(task: Task, features: int, classes: int) -> float:
    """GFLOP in the matrix products of one network-epoch: training, and evaluating the validation split.

    Forward, and backward for the weights, take two FLOP a weight and sample; backward for the inputs as
    many but for the first layer, whose inputs need no gradient.
    """
    sizes = [a * b for a, b in pairwise((features, *task.hidden, classes))]
    training = task.train_size * (2 * sum(sizes) + sum(sizes[1:]))
    return 2 * (training + task.val_size * sum(sizes)) / 1e9


def paired_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Mean difference ``first - second`` of pairs, and its 95 % interval (Student's t)."""
    difference = np.subtract(first, second)
    half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
    return float(difference.mean()), float(difference.mean() - half), float(difference.mean() + half)
