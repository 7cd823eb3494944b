"""The picture of the README: ``python -m benchmarks.picture`` writes it in half a minute.

Digits with 20 % wrong labels under no flooding and under the shipped controller, from the same seeds: the
training loss with the level, and the accuracy on clean test labels, which nobody sees during a real run.
"""

from pathlib import Path

import numpy as np
import torch

from rlflood.data import facts_of
from rlflood.experiments import Setting, default_sizes
from rlflood.experiments.report.figures.canvas import TWO_COLUMNS, house_style, new_canvas, rendered
from rlflood.experiments.report.figures.palette import LEVEL, TRAINING, VALIDATION
from rlflood.experiments.runs.stacks import stack
from rlflood.files import write_whole
from rlflood.schedulers import ConstantFlood, FloodScheduler, load_controller
from rlflood.training import Machine, Task, run

FILE = Path("docs/images/one-run.svg")
REPEATS = 10


def curves(setting: Setting, scheduler: FloodScheduler) -> dict[str, np.ndarray]:
    """Medians over the repeats, by epoch: train loss, level, test accuracy in percent."""
    trainer = stack(setting, Machine(), np.arange(REPEATS))
    rows = [
        (epoch.metrics.train_loss, epoch.levels, 100 * trainer.evaluate("test").clean_accuracy)
        for epoch in run(trainer, scheduler, epochs=setting.task.epochs)
    ]
    medians = np.median(np.array(rows), axis=2).T
    return dict(zip(("loss", "level", "accuracy"), medians, strict=True))


def draw(none: dict[str, np.ndarray], controller: dict[str, np.ndarray]) -> bytes:
    """The two panels as an SVG file."""
    with house_style():
        canvas = new_canvas(TWO_COLUMNS, 2.3)
        losses, accuracies = canvas.subplots(1, 2)
        epochs = np.arange(1, len(none["loss"]) + 1)
        losses.set(yscale="log", title="training loss", xlabel="epoch", ylim=(1e-3, 4))
        accuracies.set(title="test accuracy, clean labels (%)", xlabel="epoch", ylim=(50, 90))
        for name, run, colour in (("no flooding", none, VALIDATION), ("default", controller, TRAINING)):
            losses.plot(epochs, run["loss"], color=colour, label=name)
            accuracies.plot(epochs, run["accuracy"], color=colour, label=name)
        level = np.where(controller["level"] > 0, controller["level"], np.nan)
        losses.plot(epochs, level, color=LEVEL, linestyle=":", label="its level")
        losses.legend(loc="lower left")
        return rendered(canvas, "svg")


def main() -> None:
    torch.set_num_threads(1)
    facts = facts_of("digits")
    assert facts is not None
    sizes = default_sizes(facts, None, None, None)
    setting = Setting.from_seed(Task(data="digits", label_noise=0.2, **sizes), 0, REPEATS)
    epochs = setting.task.epochs
    none = curves(setting, ConstantFlood(0.0))
    controller = curves(setting, load_controller("default", epochs=epochs, classes=10, replicas=REPEATS))
    write_whole(FILE, draw(none, controller))


if __name__ == "__main__":
    main()
