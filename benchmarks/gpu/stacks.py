"""Steps of the optimizer a second: stacks beside one plain network, and beside what the card can do."""

import time

import torch

from benchmarks.gpu.allowance import Allowance, Found
from benchmarks.gpu.card import formats, seconds_of, warm_up
from benchmarks.measure import gflop_per_epoch
from benchmarks.plain import LEVELS, PlainFloodEnv
from rlflood.training import Machine, PopulationTrainer, Task
from rlflood.training.memory import free_memory, replicas_that_fit
from rlflood.training.size import network_size

CASES = {
    "2x64, batches of 25": Task(
        label_noise=0.1, test_size=100, train_size=500, batch_size=25, epochs=40, hidden=(64, 64)
    ),
    "5x500, full batch": Task(label_noise=0.1, test_size=100, epochs=100, hidden=(500,) * 5),
}
TINY = {
    "2x4, batches of 5": Task(test_size=10, train_size=10, val_size=10, batch_size=5, epochs=2, hidden=(4, 4))
}
REPLICAS = (256, 4096)
_LEVEL = 0.1
_SEEDS = (
    64  # siblings share data and initialisation, which speed does not depend on, and a start takes seconds
)
_BYTES = 40
"""Of each weight and step: read twice in the products, its gradient written and read, three tensors of Adam's
read and written. Fewer where some stay in the cache."""


def stacks(allowance: Allowance) -> None:
    """Every case at every number of replicas and in every format, and plain."""
    warm_up(allowance.device)
    cases = TINY if allowance.tiny else CASES
    found: Found = {"rows": []}
    for name, task in cases.items():
        plain = _plain(task, allowance)
        found["rows"].append({"case": name, "side": "plain network", "replicas": 1, **plain})
        allowance.report(found)
    for asked in (2, 3) if allowance.tiny else REPLICAS:
        for name, task in cases.items():
            if allowance.left < 0:
                found["rows"].append({"case": name, "asked": asked, "skipped": "no time was left"})
                continue
            for row in _stacked(task, asked, allowance):
                found["rows"].append({"case": name, "side": "stack", **row})
                allowance.report(found)
    allowance.report(found)


def _plain(task: Task, allowance: Allowance) -> Found:
    env = PlainFloodEnv(task, device=allowance.device)
    env.reset(seed=0)
    level = int(abs(LEVELS - _LEVEL).argmin())
    seconds = seconds_of(lambda: env.step(level), allowance, least=3.0)
    return {"steps_a_second": task.steps / task.epochs / seconds}


def _stacked(task: Task, asked: int, allowance: Allowance) -> list[Found]:
    device = torch.device(allowance.device)
    fitting = asked if allowance.tiny else min(asked, replicas_that_fit(task, free_memory(device)))
    seeds = [number % _SEEDS for number in range(fitting)]
    began = time.perf_counter()
    trainer = PopulationTrainer([task] * fitting, seeds, seeds, machine=Machine(allowance.device))
    start = time.perf_counter() - began
    source = task.source()
    gflop = fitting * gflop_per_epoch(task, source.features, source.classes)
    steps = fitting * task.steps / task.epochs
    bytes_moved = _BYTES * network_size(task).parameters * steps
    rows: list[Found] = []
    for precision in formats(allowance.device):
        if not allowance.tiny:
            torch.cuda.reset_peak_memory_stats(device)
        # the same stack in another format: to make another would take longer than to measure it
        trainer.precision = precision
        assert trainer._graph is not None
        trainer._graph.forget()
        began = time.perf_counter()
        for _ in range(2):  # as it is, then captured
            trainer.run_epoch(_LEVEL)
        warm = time.perf_counter() - began
        seconds = seconds_of(lambda: trainer.run_epoch(_LEVEL), allowance, least=3.0)
        rows.append(
            {
                "asked": asked,
                "replicas": fitting,
                "precision": precision,
                "steps_a_second": steps / seconds,
                "tflops": gflop / seconds / 1e3,
                "estimated_gb_a_second": bytes_moved / seconds / 1e9,
                "seconds_to_start": start,
                "seconds_of_the_first_two_epochs": warm,
                "peak_memory": 0 if allowance.tiny else torch.cuda.max_memory_allocated(device),
            }
        )
    return rows
