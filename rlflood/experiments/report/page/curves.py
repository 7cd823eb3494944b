"""What the page draws of one task, as plain JSON values: schedules, and the looks into the networks."""

from typing import Any

import numpy as np

from rlflood.experiments.report.page.numbers import shortened, spread, thinned
from rlflood.experiments.report.text.wording import describe_setting
from rlflood.experiments.runs.diagnosis import Diagnosis
from rlflood.experiments.runs.record import Record
from rlflood.experiments.study.file import StudyTask
from rlflood.experiments.study.results import Results


def task_curves(results: Results, task: StudyTask) -> dict[str, Any]:
    """The curves of every method on a task; methods are keyed by their places in the study."""
    places = {method.name: place for place, method in enumerate(results.methods)}
    epochs = thinned(task.epochs)
    return {
        "about": list(describe_setting(task, results.facts.get(task.name), results.study.seeds)),
        "epochs": (epochs + 1).tolist(),
        "schedules": {
            places[method]: _schedules(record, epochs)
            for (name, method), record in results.records.items()
            if name == task.name
        },
        "diagnoses": {
            places[method]: _diagnosis(diagnosis)
            for (name, method), diagnosis in results.diagnoses.items()
            if name == task.name
        },
    }


def _schedules(record: Record, epochs: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    return {
        "level": spread(record.levels[:, epochs]),
        "train": spread(record.train_loss[:, epochs]),
        "val": spread(record.val_loss[:, epochs]),
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    points = thinned(len(diagnosis.epochs))
    reached = diagnosis.reached[diagnosis.reached >= 0]
    return {
        "epochs": diagnosis.epochs[points].tolist(),
        "repeats": len(diagnosis.noisy_test_loss),
        "testLoss": spread(diagnosis.noisy_test_loss[:, points]),
        "noisyAccuracy": spread(diagnosis.noisy_test_acc[:, points]),
        "cleanAccuracy": spread(diagnosis.test_acc[:, points]),
        "gradient": spread(diagnosis.gradient_norm[:, points]),
        "alphas": shortened(diagnosis.alphas),
        "reached": int(np.median(reached)) if reached.size else None,
        "networks": [
            {"name": name, "train": spread(train), "test": spread(test)}
            for name, train, test in zip(
                diagnosis.networks,
                diagnosis.perturbed_train_loss,
                diagnosis.perturbed_noisy_test_loss,
                strict=True,
            )
        ],
    }
