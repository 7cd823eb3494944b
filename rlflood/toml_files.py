"""TOML that comes with the package, by name, or a person's own, by path."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from rlflood.errors import InputError, use_one_of

SUFFIX = ".toml"


def toml_names(package: str, folder: str) -> tuple[str, ...]:
    """The names of the files in a folder of a package, in order."""
    files = (resources.files(package) / folder).iterdir()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)))


def read_toml(name: str, kind: str, package: str, folder: str) -> dict[str, Any]:
    """What a file holds.

    Args:
        name: A name of :func:`toml_names`, or a path that ends in ``.toml``.
        kind: What it is called in messages, such as ``preset``.
        package: Where the files that come with the package are.
        folder: In which folder of it.

    Raises:
        InputError: if there is no such file, or it is not valid TOML.
    """
    if name.endswith(SUFFIX):
        try:
            text = Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"the {kind} {name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise InputError(f"the {kind} {name} is no text in UTF-8") from None
    elif name in (names := toml_names(package, folder)):
        text = (resources.files(package) / folder / f"{name}{SUFFIX}").read_text(encoding="utf-8")
    else:
        raise InputError(f"unknown {kind} {name!r}: {use_one_of(name, names)}, or a {SUFFIX} file")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the {kind} {name} is not valid TOML: {error}") from None
