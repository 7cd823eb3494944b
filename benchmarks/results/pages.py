"""Which tables and figures there are, and how they get into the pages."""

import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import (
    averaged,
    classifier,
    many_steps,
    networks,
    paper,
    presets,
    rivals,
    speed,
    unseen,
)
from benchmarks.results.runs import FOLDER

ROOT = FOLDER.parents[1]

TABLES: dict[str, Callable[[], str]] = {
    "readme": averaged.readme,
    "averaged": averaged.averaged,
    "mini-batches-by-noise": averaged.mini_batches_by_noise,
    "mini-batches-by-task": averaged.mini_batches_by_task,
    "unseen-data": unseen.methods,
    "by-noise": unseen.by_noise,
    "by-task": unseen.by_task,
    "equal-runs": unseen.equal_runs,
    "grids": unseen.grids,
    "more-data": networks.more_data,
    "paper-network": networks.paper_network,
    "paper-network-summary": networks.paper_network_summary,
    "paper-network-searches": networks.paper_network_searches,
    "one-thing-changed": networks.one_thing_changed,
    "fashion-mnist-cnn": networks.fashion_mnist_cnn,
    "two-gaussians": paper.two_gaussians,
    "by-hand": paper.by_hand,
    "paper-synthetic": paper.synthetic,
    "rivals": rivals.rivals,
    "presets": presets.presets,
    "ablation": many_steps.ablation,
    "instead": many_steps.instead,
    "instead-by-task": many_steps.criteria_by_task,
    "instead-optimizers": many_steps.instead_optimizers,
    "instead-optimizers-by-task": many_steps.optimizers_by_task,
    "instead-cnn": many_steps.instead_images,
    "without-validation": many_steps.without_validation,
    "classifier": classifier.classifier,
    "speed": speed.stacks,
    "speed-images": speed.images,
    "batch-cost": speed.batch_cost,
}
"""By the name that a page has between ``<!-- table: NAME -->`` and ``<!-- end -->``."""

FIGURES: dict[str, Callable[[], bytes]] = {
    "controllers/headline-final-clean.svg": lambda: rivals.headline(unseen.controllers()),
    "quick/headline-final-clean.svg": lambda: rivals.headline(rivals.quick()),
}
"""By file below ``docs/results``."""

_TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The pages that may have tables."""
    return [ROOT / "README.md", *sorted(FOLDER.glob("*.md"))]


def filled(page: str) -> str:
    """The text of a page with every table in its place.

    Raises:
        KeyError: if there is no table of a name.
    """
    return _TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", page)


def named(page: str) -> list[str]:
    """The names of a page's tables."""
    return [name for _, name, _ in _TABLE.findall(page)]
