"""Packages that are optional: the extra that brings each, and what is said where one is missing."""

from importlib import import_module
from importlib.util import find_spec

from rlflood.errors import InputError

INSTALLED_BY = {
    "huggingface_hub": "rlflood[hub]",
    "jinja2": "rlflood[benchmark]",
    "matplotlib": "rlflood[plot]",
    "onnx": "rlflood[onnx]",
    "optuna": "rlflood[benchmark]",
    "plotly": "rlflood[benchmark]",
    "pytorch_lightning": "rlflood[lightning]",
    "pyarrow": "pyarrow",  # comes with rlflood, but for installations without dependencies
    "sb3_contrib": "rlflood[algorithms]",
    "skorch": "rlflood[skorch]",
    "tensorboard": "rlflood[tensorboard]",
    "transformers": "rlflood[transformers]",
}
"""What pip should install, by the names under which they are imported."""


ROOMS = {
    "data": ("sklearn",),
    "training": ("pydantic", "torch"),
    "envs": ("gymnasium", "torch"),
    "agents": ("stable_baselines3", "torch"),
    "experiments": ("scipy", "tomli_w", "torch"),
    "cli": ("rich", "typer"),
}
"""What each room needs besides NumPy and safetensors, with which a loop is steered: all of it comes with
rlflood, but for installations without dependencies."""


class MissingPackage(InputError, ImportError):
    """Something needs a package that is not installed. What can be done without it, may be."""


def missing_package(module: str, needs: str) -> MissingPackage:
    """The error to raise; ``needs`` says what needs which package ("figures need matplotlib")."""
    return MissingPackage(f'{needs}: pip install "{INSTALLED_BY[module.partition(".")[0]]}"')


def missing_torch(what: str) -> MissingPackage:
    """The error to raise where ``what`` needs PyTorch, and it was left out."""
    return MissingPackage(
        f"{what} needs PyTorch, which an installation with --no-deps leaves out: pip install torch"
    )


def check_room(room: str) -> None:
    """Make sure that what a room of rlflood needs is installed.

    Raises:
        MissingPackage: if it is not.
    """
    if missing := [module for module in ROOMS[room] if find_spec(module) is None]:
        raise MissingPackage(
            f"rlflood.{room} needs {', '.join(missing)}, which an installation with --no-deps leaves out: "
            "pip install rlflood"
        )


def check_package(module: str, needs: str) -> None:
    """Import a package, or a module of one, that is optional.

    Raises:
        MissingPackage: if it cannot be imported; ``needs`` is as for :func:`missing_package`.
    """
    try:
        import_module(module)
    except ImportError:
        raise missing_package(module, needs) from None
