"""A study's results as tidy tables for other programs: Parquet and CSV, the same rows and columns in both.

Losses are in nats, accuracies from 0 to 1. ``noisy_`` stands before what is measured against test labels with
the task's noise; ``test_`` without it is against clean ones. ``last``, ``best``, ``average`` and
``best_average`` stand for the four networks of a run. An empty cell (null in Parquet) is a value that
does not exist or is not finite, as in the curves of a run that has diverged. Rows are in the study's order.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rlflood.data import FILE_ENDINGS
from rlflood.experiments.report.export.files import Kind, Rows, csv_file, parquet_file
from rlflood.experiments.runs.record import TEST_SCORES, Record, of_moment
from rlflood.experiments.study.file import StudyTask
from rlflood.experiments.study.results import Results
from rlflood.extras import check_package
from rlflood.output import write_output
from rlflood.training import Task
from rlflood.training.trainer import MOMENTS

_WRITERS = {"csv": csv_file, "parquet": parquet_file}
_RUN: dict[str, Kind] = {"task": "string", "method": "string", "repeat": "int64"}
_CURVES = ("train_loss", "train_acc", "val_loss", "val_acc", "average_val_loss", "average_val_acc")
_DIAGNOSED = (
    "train_loss", "train_acc", "val_loss", "noisy_test_loss", "noisy_test_acc", "test_acc", "gradient_norm",
)  # fmt: skip
_CANDIDATE = (
    *(of_moment(kind, moment) for moment in MOMENTS for kind in ("val_acc", "val_loss")), *TEST_SCORES,
)  # fmt: skip
_PICKED = {moment: of_moment("picked", moment) for moment in MOMENTS}
_TASK: dict[str, Kind] = {
    "data": "string", "data_options": "string", "target": "string", "label_noise": "double",
    "train_size": "int64", "val_size": "int64", "test_size": "int64", "joined": "bool",
    "network": "string", "hidden": "string", "batch_norm": "bool", "dropout": "double",
    "criterion": "string", "strength": "double", "optimizer": "string", "learning_rate": "double",
    "momentum": "double", "weight_decay": "double",
    "lr_milestones": "string", "lr_gamma": "double", "clip_norm": "double", "augmentation": "string",
    "batch_size": "int64", "epochs": "int64",
}  # fmt: skip
_COLUMNS: dict[str, dict[str, Kind]] = {
    "runs": {
        **_RUN, "data_seed": "int64", "network_seed": "int64", "oracle": "bool", "epochs_spent": "double",
        "deployed": "string", "knob": "string", **dict.fromkeys(_PICKED.values(), "double"),
        **dict.fromkeys(TEST_SCORES, "double"), "diverged": "bool", **_TASK,
    },
    "epochs": {**_RUN, "epoch": "int64", "level": "double", **dict.fromkeys(_CURVES, "double")},
    "candidates": {
        **_RUN, "candidate": "int64", "knob": "string", "value": "double", "epochs_spent": "double",
        **dict.fromkeys(_PICKED.values(), "bool"), **dict.fromkeys(_CANDIDATE, "double"),
    },
    "diagnosis": {**_RUN, "epoch": "int64", **dict.fromkeys(_DIAGNOSED, "double")},
    "perturbation": {
        **_RUN, "network": "string", "reached_epoch": "int64", "alpha": "double", "train_loss": "double",
        "noisy_test_loss": "double",
    },
    "timings": {"task": "string", "method": "string", "repeats": "int64", "seconds": "double"},
}  # fmt: skip


def export(results: Results, folder: Path) -> list[Path]:
    """Write the tables, each as CSV and as Parquet.

    ``runs``: a row a task, method and repeat: seeds, budget, which of the four networks is deployed, what a
    search picked, test accuracies, whether the run diverged, and the task's settings. ``epochs``: a row an
    epoch of these runs, from 1.
    ``candidates``: a row a candidate of a search, from 0 in the order of training. ``diagnosis``: a row an
    epoch that was looked at.
    ``perturbation``: a row a step along a random direction from a network; ``reached_epoch`` is the epoch
    of the network below the flood level. ``timings``: seconds, the one table that depends on the machine.

    Args:
        results: Of a study that may be unfinished: all there is goes into the tables.
        folder: Where; made if missing, and files of the same names are replaced.

    Returns:
        The files, in the order in which they were written.

    Raises:
        MissingPackage: if pyarrow is not installed; then nothing is written.
        InputError: if a file cannot be written.
    """
    check_package("pyarrow", "an export needs pyarrow")
    written = []
    for name, rows in _ROWS.items():
        for file_type, content in _WRITERS.items():
            path = folder / f"{name}.{file_type}"
            write_output(path, content(_COLUMNS[name], rows(results)), "the export")
            written.append(path)
    return written


def _each(results: Results) -> Iterator[tuple[StudyTask, str, list[int], Record]]:
    for task in results.study.tasks:
        for method in results.methods:
            if (record := results.records.get((task.name, method.name))) is not None:
                yield task, method.name, results.repeats[task.name, method.name], record


def _runs(results: Results) -> Iterator[Rows]:
    oracles = {method.name for method in results.methods if method.oracle}
    for task, method, repeats, record in _each(results):
        setting = results.study.setting(task)
        search = record.search
        yield {
            "task": task.name,
            "method": method,
            "repeat": np.array(repeats),
            "data_seed": [setting.data_seeds[repeat] for repeat in repeats],
            "network_seed": [setting.network_seeds[repeat] for repeat in repeats],
            "oracle": method in oracles,
            "epochs_spent": record.epochs_spent,
            "deployed": record.deployed,
            "knob": None if search is None else search.knob,
            **{
                name: None if search is None else search.picked_value(moment)
                for moment, name in _PICKED.items()
            },
            **{name: getattr(record, name) for name in TEST_SCORES},
            "diverged": record.diverged,
            **_settings(task),
        }


def _settings(task: Task) -> Rows:
    data = Path(task.data).name if task.data.lower().endswith(FILE_ENDINGS) else task.data
    options = ", ".join(f"{key}={value}" for key, value in sorted(task.data_options.items()))
    hidden = "-".join(map(str, task.hidden))
    plain = {name: getattr(task, name) for name in _TASK}
    milestones = ", ".join(map(str, task.lr_milestones))
    return {**plain, "data": data, "data_options": options, "hidden": hidden, "lr_milestones": milestones}


def _epochs(results: Results) -> Iterator[Rows]:
    for task, method, repeats, record in _each(results):
        count = record.levels.shape[1]
        yield {
            "task": task.name,
            "method": method,
            "repeat": np.repeat(repeats, count),
            "epoch": np.tile(np.arange(1, count + 1), len(repeats)),
            "level": record.levels.ravel(),
            **{name: getattr(record, name).ravel() for name in _CURVES},
        }


def _candidates(results: Results) -> Iterator[Rows]:
    for task, method, repeats, record in _each(results):
        if (search := record.search) is None:
            continue
        number = np.broadcast_to(np.arange(search.values.shape[1]), search.values.shape)
        # a repeat with fewer candidates than another has places that stand for none
        there = np.isfinite(search.values) | (search.epochs > 0)
        yield {
            "task": task.name,
            "method": method,
            "repeat": np.repeat(repeats, there.sum(axis=1)),
            "candidate": number[there],
            "knob": search.knob,
            "value": search.values[there],
            "epochs_spent": search.epochs[there],
            **{name: (number == search.picked(moment)[:, None])[there] for moment, name in _PICKED.items()},
            **{name: getattr(search, name)[there] for name in _CANDIDATE},
        }


def _diagnosis(results: Results) -> Iterator[Rows]:
    for (task, method), diagnosis in _diagnosed(results):
        repeats, points = diagnosis.noisy_test_loss.shape
        yield {
            "task": task,
            "method": method,
            "repeat": np.repeat(np.arange(repeats), points),
            "epoch": np.tile(diagnosis.epochs, repeats),
            **{name: getattr(diagnosis, name).ravel() for name in _DIAGNOSED},
        }


def _perturbation(results: Results) -> Iterator[Rows]:
    for (task, method), diagnosis in _diagnosed(results):
        repeats, alphas = len(diagnosis.reached), len(diagnosis.alphas)
        reached = [int(epoch) if epoch >= 0 else None for epoch in diagnosis.reached]
        for number, network in enumerate(diagnosis.networks):
            yield {
                "task": task,
                "method": method,
                "repeat": np.repeat(np.arange(repeats), alphas),
                "network": network,
                "reached_epoch": [epoch for epoch in reached for _ in range(alphas)],
                "alpha": np.tile(diagnosis.alphas, repeats),
                "train_loss": diagnosis.perturbed_train_loss[number].ravel(),
                "noisy_test_loss": diagnosis.perturbed_noisy_test_loss[number].ravel(),
            }


def _diagnosed(results: Results) -> Iterator[tuple[tuple[str, str], Any]]:
    for task in results.study.tasks:
        for method in results.methods:
            if (diagnosis := results.diagnoses.get((task.name, method.name))) is not None:
                yield (task.name, method.name), diagnosis


def _timings(results: Results) -> Iterator[Rows]:
    for task, method, repeats, _ in _each(results):
        seconds = results.seconds.get((task.name, method))
        yield {"task": task.name, "method": method, "repeats": len(repeats), "seconds": seconds}


_ROWS: dict[str, Callable[[Results], Iterator[Rows]]] = {
    "runs": _runs,
    "epochs": _epochs,
    "candidates": _candidates,
    "diagnosis": _diagnosis,
    "perturbation": _perturbation,
    "timings": _timings,
}
