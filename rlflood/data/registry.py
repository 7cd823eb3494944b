"""Data sets by name, or by file, and what there is to list."""

import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import TypeAlias

from rlflood.data import random_problems, synthetic, tabular
from rlflood.data.image_sets import IMAGE_SETS, load_images
from rlflood.data.own_files import ENDINGS, not_read, own_file
from rlflood.data.source import Source
from rlflood.errors import InputError, did_you_mean

Options: TypeAlias = Mapping[str, float | int | str]

_BUILDERS: dict[str, Callable[..., Source]] = {
    "two-gaussians": synthetic.TwoGaussians,
    "sinusoid": synthetic.Sinusoid,
    "sinusoid-10d": synthetic.SinusoidHighDimensional,
    "sinusoid-disc": synthetic.SinusoidDisc,
    "spiral": synthetic.Spiral,
    "blobs": synthetic.Blobs,
    "clusters": random_problems.Clusters,
    "manifold": random_problems.Manifold,
    "teacher": random_problems.Teacher,
    "rings": random_problems.Rings,
    "checkerboard": random_problems.Checkerboard,
    "patterns": random_problems.Patterns,
    "voronoi": random_problems.Voronoi,
    "decision-tree": random_problems.DecisionTree,
    "digits": tabular.digits,
    "breast-cancer": tabular.breast_cancer,
    "wine": tabular.wine,
    **{name: partial(load_images, name) for name in IMAGE_SETS},
}


@dataclass(frozen=True, slots=True)
class Description:
    """One row of ``rlflood list``; classes and features of a generator are those of its default options."""

    name: str
    kind: str
    """"synthetic", "tabular" or "images"."""
    classes: int
    features: int
    samples: int | None
    """None for a generator."""
    options: tuple[str, ...]
    available: bool
    """Whether it can be loaded on this machine as it is."""


# what a table holds is written down here so that listing the sets does not load them
_TABLES = {"digits": (10, 64, 1797), "breast-cancer": (2, 30, 569), "wine": (3, 13, 178)}


def names() -> tuple[str, ...]:
    """The names that ``load`` knows, synthetic ones first."""
    return tuple(_BUILDERS)


def load(
    data: str,
    *,
    target: str | None = None,
    keep: Sequence[str] = (),
    encode: bool = False,
    options: Options | None = None,
) -> Source:
    """The data set of this name, or the one in this file.

    What is read from disk is kept in memory and shared: loading it again costs nothing.

    target, keep, encode: of files, see ``own_file``.
    options: settings of a generator, such as ``{"dimensions": 20}``; see the classes in ``synthetic.py``.

    Raises InputError for an unknown name or option and for files that cannot be learned from. Warns of what
    in a file may be taken for something else than it is (InputWarning).
    """
    options = options or {}
    if data in _BUILDERS:
        if target is not None:
            raise InputError(f"A target column ({target}) is for files: leave it out for {data}.")
        if keep or encode:
            raise InputError(f"Columns are kept and encoded of files only: leave it out for {data}.")
        _check_options(data, _options_of(data), options)
        return _BUILDERS[data](**options)
    if data.lower().endswith(ENDINGS):
        _check_options(data, (), options)
        return own_file(data, target, keep, encode)
    if Path(data).exists() or Path(data).name != data:
        raise InputError(not_read(data))
    hint = did_you_mean(data.lower(), _BUILDERS)
    hint = hint[:1].upper() + hint[1:]
    raise InputError(
        f"There is no data set called {data!r}. {hint}Known: {', '.join(_BUILDERS)}, or a file that ends in "
        f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
    )


def describe() -> tuple[Description, ...]:
    """What there is, for listing; loads none of it."""
    return tuple(_describe(name) for name in _BUILDERS)


def _describe(name: str) -> Description:
    options = _options_of(name)
    if name in _TABLES:
        available = importlib.util.find_spec("sklearn") is not None
        return Description(name, "tabular", *_TABLES[name], options, available)
    if name in IMAGE_SETS:
        images = IMAGE_SETS[name]
        available = images.place() is not None and importlib.util.find_spec("torchvision") is not None
        return Description(
            name, "images", images.classes, prod(images.shape), images.samples, options, available
        )
    source = _BUILDERS[name]()
    return Description(name, "synthetic", source.classes, source.features, source.size, options, True)


def _options_of(name: str) -> tuple[str, ...]:
    """The keyword options of a builder."""
    return tuple(inspect.signature(_BUILDERS[name]).parameters)


def _check_options(data: str, known: tuple[str, ...], options: Options) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = f"its options are {', '.join(known)}" if known else "it has none"
        raise InputError(f"{data} does not know the option {', '.join(unknown)}: {has}.")
