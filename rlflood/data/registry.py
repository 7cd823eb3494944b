"""Data sets by name, or by file, and what there is to list."""

import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rlflood.data import random_problems, synthetic, tabular
from rlflood.data.image_sets import IMAGE_SETS, load_images
from rlflood.data.own_files import ENDINGS, not_read, own_file
from rlflood.data.source import Facts, Source
from rlflood.errors import InputError, did_you_mean

Options: TypeAlias = Mapping[str, float | int | str]

_GENERATORS: tuple[type[synthetic.Generator], ...] = (
    synthetic.TwoGaussians,
    synthetic.Sinusoid,
    synthetic.SinusoidHighDimensional,
    synthetic.SinusoidDisc,
    synthetic.Spiral,
    synthetic.Blobs,
    random_problems.Clusters,
    random_problems.Manifold,
    random_problems.Teacher,
    random_problems.Rings,
    random_problems.Checkerboard,
    random_problems.Patterns,
    random_problems.Strokes,
    random_problems.Voronoi,
    random_problems.DecisionTree,
)
_BUILDERS: dict[str, Callable[..., Source]] = {
    **{generator.name: generator for generator in _GENERATORS},
    "digits": tabular.digits,
    "breast-cancer": tabular.breast_cancer,
    "wine": tabular.wine,
    **{name: partial(load_images, name) for name in IMAGE_SETS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description(Facts):
    """One row of ``rlflood list``; the facts of a generator are those of its default options."""

    kind: str
    """"synthetic", "tabular" or "images"."""
    options: tuple[str, ...]
    available: bool
    """Whether it can be loaded on this machine as it is."""


# what a table holds is written down here so that nobody has to load it to know
_TABLES = {
    facts.name: facts
    for facts in (
        Facts("digits", classes=10, features=64, size=1797),
        Facts("breast-cancer", classes=2, features=30, size=569),
        Facts("wine", classes=3, features=13, size=178),
    )
}


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
    in a file may be taken for something else than it is (RlfloodWarning).
    """
    options = options or {}
    _check(data, target, keep, encode, options)
    if data in _BUILDERS:
        return _BUILDERS[data](**options)
    return own_file(data, target, keep, encode)


def facts_of(
    data: str,
    *,
    target: str | None = None,
    keep: Sequence[str] = (),
    encode: bool = False,
    options: Options | None = None,
) -> Facts | None:
    """What is known of the data set of this name without opening it; None of a file, which has to be read.

    The arguments are those of :func:`load`, and so are the errors, but for those of files.
    """
    options = options or {}
    _check(data, target, keep, encode, options)
    if data in _TABLES:
        return _TABLES[data]
    if data in IMAGE_SETS:
        return IMAGE_SETS[data].facts
    return _BUILDERS[data](**options).facts if data in _BUILDERS else None


def _check(data: str, target: str | None, keep: Sequence[str], encode: bool, options: Options) -> None:
    """Make sure that this may be the name of a data set or of a file, and that the arguments are for it."""
    if data in _BUILDERS:
        if target is not None:
            raise InputError(f"A target column ({target}) is for files: leave it out for {data}.")
        if keep or encode:
            raise InputError(f"Columns are kept and encoded of files only: leave it out for {data}.")
        _check_options(data, _options_of(data), options)
        return
    if data.lower().endswith(ENDINGS):
        _check_options(data, (), options)
        return
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
    kind, available = "synthetic", True
    if name in _TABLES:
        kind, available = "tabular", importlib.util.find_spec("sklearn") is not None
    elif name in IMAGE_SETS:
        here = IMAGE_SETS[name].place() is not None
        kind, available = "images", here and importlib.util.find_spec("torchvision") is not None
    facts = facts_of(name)
    assert facts is not None  # it has a name
    return Description(**asdict(facts), kind=kind, options=_options_of(name), available=available)


def _options_of(name: str) -> tuple[str, ...]:
    """The keyword options of a builder."""
    return tuple(inspect.signature(_BUILDERS[name]).parameters)


def _check_options(data: str, known: tuple[str, ...], options: Options) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = f"its options are {', '.join(known)}" if known else "it has none"
        raise InputError(f"{data} does not know the option {', '.join(unknown)}: {has}.")
