"""Packages that are optional: the extra that brings each, and what is said where one is missing."""

from importlib import import_module

from rlflood.errors import InputError

INSTALLED_BY = {
    "jinja2": "rlflood[benchmark]",
    "matplotlib": "rlflood[plot]",
    "optuna": "rlflood[benchmark]",
    "plotly": "rlflood[benchmark]",
    "pytorch_lightning": "rlflood[lightning]",
    "pyarrow": "pyarrow",  # comes with rlflood, but for installations without dependencies
    "sb3_contrib": "rlflood[algorithms]",
    "skorch": "rlflood[skorch]",
    "tensorboard": "rlflood[tensorboard]",
}
"""What pip should install, by the names under which they are imported."""


class MissingPackage(InputError):
    """Something needs a package that is optional and not installed. What can be done without it, may be."""


def missing_package(module: str, needs: str) -> MissingPackage:
    """The error to raise; ``needs`` says what needs which package ("figures need matplotlib")."""
    return MissingPackage(f'{needs}: pip install "{INSTALLED_BY[module.partition(".")[0]]}"')


def check_package(module: str, needs: str) -> None:
    """Import a package, or a module of one, that is optional.

    Raises:
        MissingPackage: if it cannot be imported; ``needs`` is as for :func:`missing_package`.
    """
    try:
        import_module(module)
    except ImportError:
        raise missing_package(module, needs) from None
