"""A preset whose tasks have the sizes of a person's own data, none of which they train on."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from rlflood.agents.preset import Preset
from rlflood.data import Facts
from rlflood.errors import InputError
from rlflood.training import Task
from rlflood.training.distribution import Family
from rlflood.validation import validated
from rlflood.words import counted

MOST_CLASSES, MOST_FEATURES, MOST_IMBALANCE = 20, 64, 20.0
"""Of more classes small splits have too few of each. Problems of more features take long to draw."""
MOST_SAMPLES, MOST_LAYERS, MOST_UNITS = 100, 3, 48
"""Of the training and of the validation split each, and of the network: as the shipped presets have them."""
MOST_MULTIPLICATIONS, MOST_STEPS = 200_000_000, 1000
"""Of a run, by which epochs are cut: tens of runs a second and core, so that thousands take minutes."""
_FEWEST_IN_A_BATCH = 10

_ANY_CLASSES: tuple[Family, ...] = (
    "blobs", "clusters", "manifold", "teacher", "voronoi", "rings", "checkerboard", "decision-tree",
)  # fmt: skip
_TWO_CLASSES: tuple[Family, ...] = ("two-gaussians", "sinusoid-10d")
"""These have a choice of features, those above of classes, too."""


def alike(preset: Preset, task: Task, facts: Facts, counts: Mapping[str, int] | None) -> Preset:
    """The preset with synthetic tasks like a task on other data, small enough to train on by the thousand.

    What the tasks are like, and what was cut, is in the preset's ``like``. Label noise, and how hard problems
    are, stay the preset's.

    Args:
        preset: Gives the families and all that is not a matter of size.
        task: How a network would be trained on the data.
        facts: Of the data.
        counts: Samples of each class; None for a generator.

    Raises:
        InputError: if none of the preset's families has as many classes and features, or the runs are too
            short for the preset's decisions.
        ValueError: if the task's network is one for images, which generators don't make.
    """
    if task.network != "mlp":
        raise ValueError(f"synthetic tasks are for perceptrons, not for {task.network}")
    cuts = _Cuts()
    classes = cuts.most(facts.classes, MOST_CLASSES, "class", "classes")
    # the generators' least is two features
    features = max(2, cuts.most(facts.features, MOST_FEATURES, "feature"))
    imbalance = max(counts.values()) / max(1, min(counts.values())) if counts else 1.0
    if imbalance > MOST_IMBALANCE:
        cuts.note(f"the classes' imbalance {MOST_IMBALANCE:g} instead of {imbalance:.0f}")
    families = [
        family
        for family in preset.tasks.families
        if family in _ANY_CLASSES or (classes == 2 and family in _TWO_CLASSES)
    ]
    if not families:
        raise InputError(
            f"no family of the preset ({', '.join(preset.tasks.families)}) has "
            f"{counted(classes, 'class', 'classes')} and {counted(features, 'feature')}: use another preset, "
            "such as default"
        )
    base = _cut(task, features, classes, preset.decisions, cuts)
    mixture = preset.tasks.model_dump(mode="json") | {
        "base": base,
        "variants": ({},),
        "families": families,
        "classes": (classes, classes),
        "dimensions": (features, features),
        "imbalance": min(imbalance, MOST_IMBALANCE),
    }
    name = Path(task.data).name
    like = {
        "data": name, "samples": facts.size, "features": facts.features, "classes": facts.classes,
        "imbalance": round(imbalance, 2), "capped": tuple(cuts.told),
    }  # fmt: skip
    values = preset.model_dump(mode="json") | {"tasks": mixture, "like": like}
    return validated(Preset, values, f"tasks like {name}")


class _Cuts:
    """What is made smaller, in words."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, told: str) -> None:
        self.told.append(told)

    def most(self, own: int, most: int, what: str, plural: str | None = None) -> int:
        """``own``, or ``most`` if that is less, and then it is told."""
        if own > most:
            self.note(f"{counted(most, what, plural)} instead of {own:,}")
        return min(own, most)


def _cut(task: Task, features: int, classes: int, decisions: int, cuts: _Cuts) -> dict[str, Any]:
    """The fields of a synthetic task: those of ``task`` that are no matter of its data, cut in size."""
    fields = task.model_dump(exclude={"data", "data_options", "target", "keep", "encode", "label_noise"})
    train = cuts.most(task.train_size, MOST_SAMPLES, "training sample")
    val = cuts.most(task.val_size, MOST_SAMPLES, "validation sample")
    hidden = tuple(min(width, MOST_UNITS) for width in task.hidden[:MOST_LAYERS])
    if hidden != task.hidden:
        cuts.note(f"hidden layers of {_widths(hidden)} instead of {_widths(task.hidden)}")
    batch = task.batch_size
    if batch is not None and batch < task.train_size:
        # as many mini-batches an epoch as there would be, since what flooding does goes by their number
        own = max(min(batch, _FEWEST_IN_A_BATCH), round(batch * train / task.train_size))
        while train % own == 1:  # a batch of one sample has no variance
            own += 1
        if own != batch:
            cuts.note(f"mini-batches of {own} instead of {batch:,}")
        batch = own
    weights = sum(a * b for a, b in pairwise((features, *hidden, classes)))
    an_epoch = (3 * train + val) * weights  # forward, and backward for the weights and the inputs
    steps = -(-train // (batch or train))
    most = max(decisions, min(MOST_MULTIPLICATIONS // an_epoch, MOST_STEPS // steps))
    epochs = cuts.most(task.epochs, most, "epoch")
    return fields | {
        "train_size": train, "val_size": val, "test_size": 500, "hidden": hidden, "batch_size": batch,
        "epochs": epochs,
    }  # fmt: skip


def _widths(hidden: tuple[int, ...]) -> str:
    return "-".join(map(str, hidden)) or "none"
