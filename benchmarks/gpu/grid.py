"""The paper's search on Two Gaussians: 51 levels, 10 trials, 3 noises, all of them one stack."""

import time
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.allowance import Allowance, Found
from benchmarks.gpu.card import formats, warm_up
from rlflood.training import Machine, PopulationTrainer, Task
from rlflood.training.memory import free_memory, replicas_that_fit
from rlflood.training.precision import Resolved

NOISES = (0.01, 0.05, 0.1)
LEVELS = np.arange(51) * 0.01
TRIALS = 10
TASK = Task(hidden=(500,) * 5, epochs=500, test_size=20_000)
TINY_TASK = Task(hidden=(8, 8), epochs=4, train_size=20, val_size=20, test_size=50)


def grid(allowance: Allowance) -> None:
    """The whole grid in float32 and, if time is left, in bfloat16.

    Ishida et al., ICML 2020, table 2. What does not fit into the time or the memory is left out, and what the
    whole would take is told from the share that was done.
    """
    warm_up(allowance.device)
    levels, trials, task = (LEVELS[::25], 2, TINY_TASK) if allowance.tiny else (LEVELS, TRIALS, TASK)
    found: Found = {"levels": levels.tolist(), "noises": list(NOISES), "trials": trials, "rows": []}
    for number, precision in enumerate(sorted(formats(allowance.device), key=_order)):
        if number and allowance.left < 0.3 * allowance.seconds:
            break
        row: Found = {"precision": precision}
        found["rows"].append(row)
        for _ in _searched(task, levels, trials, precision, allowance, row):
            allowance.report(found)


def _order(precision: Resolved) -> int:
    return ("float32", "bfloat16", "tf32").index(precision)


def _searched(
    task: Task, levels: np.ndarray, trials: int, precision: Resolved, allowance: Allowance, row: Found
) -> Any:
    """Search in one format; whenever something is known it is in ``row``."""
    device, whole = torch.device(allowance.device), trials
    one_trial = len(levels) * len(NOISES)
    if not allowance.tiny:
        trials = max(1, min(trials, replicas_that_fit(task, free_memory(device)) // one_trial))
    chosen = [
        (task.model_copy(update={"label_noise": noise}), trial, level)
        for noise in NOISES
        for trial in range(trials)
        for level in levels
    ]
    began = time.perf_counter()
    seeds = [trial for _, trial, _ in chosen]
    trainer = PopulationTrainer(
        [own for own, _, _ in chosen],
        seeds,
        seeds,
        machine=Machine(allowance.device, precision),
        keep_best=True,
    )
    start = time.perf_counter() - began
    row |= {"trials": trials, "runs": len(chosen), "seconds_to_start": start}
    yield
    own = np.array([level for _, _, level in chosen])
    began = time.perf_counter()
    # the last part of the time is for the test split
    while trainer.epoch < task.epochs and (allowance.left > 0.1 * allowance.seconds or trainer.epoch < 4):
        metrics = trainer.run_epoch(own)
        if trainer.epoch == 3:  # as it is, captured, replayed
            first, three = time.perf_counter() - began, time.perf_counter()
    training, done = time.perf_counter() - began, trainer.epoch
    an_epoch = (time.perf_counter() - three) / (done - 3)
    row |= {"epochs": done, "of": task.epochs, "seconds_of_training": training, "seconds_an_epoch": an_epoch}
    row["extrapolated"] = done < task.epochs or trials < whole
    row["seconds_of_a_grid"] = (start + first + an_epoch * (task.epochs - 3)) * whole / trials
    row["runs_an_hour"] = 3600 * one_trial * whole / row["seconds_of_a_grid"]
    yield
    began = time.perf_counter()
    shape = (len(NOISES), trials, len(levels))
    last = trainer.evaluate("test").accuracy.reshape(shape)
    row["seconds_of_the_test"] = time.perf_counter() - began
    picked = metrics.val_acc.reshape(shape).argmax(-1)
    row["test_accuracy"] = {
        str(noise): {
            "without": 100 * last[i, :, 0].mean(),
            "flooded": 100 * np.take_along_axis(last[i], picked[i][:, None], 1).mean(),
            "level": float(levels[picked[i]].mean()),
        }
        for i, noise in enumerate(NOISES)
    }
    yield
