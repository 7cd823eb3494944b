"""The controllers that come with rlflood, by name, and anybody's by path."""

from importlib import resources
from pathlib import Path

from rlflood.errors import InputError, use_one_of

SUFFIX = ".safetensors"
FOLDER = Path(str(resources.files("rlflood"))) / "control" / "controllers"


def shipped_controllers() -> dict[str, Path]:
    """The files of the controllers that come with rlflood, by name."""
    return {file.stem: file for file in sorted(FOLDER.glob(f"*{SUFFIX}"))}


def controller_card(name: str) -> str:
    """What a shipped controller was trained on and how, what it reaches and what it is not for, in Markdown.

    The first line says what it is for.

    Raises:
        InputError: if no controller of this name is shipped.
    """
    shipped = shipped_controllers()
    if name not in shipped:
        raise InputError(f"no controller {name!r} comes with rlflood: {use_one_of(name, shipped)}")
    return shipped[name].with_suffix(".md").read_text(encoding="utf-8")


def find_controller(name: str | Path) -> Path | None:
    """The file of a controller given by its path or, if it is a shipped one, by its name.

    What ends in ``.safetensors`` or is a file is a path.

    Raises:
        InputError: if ``name`` is a path, not a name, and leads nowhere.
    """
    path = Path(name).expanduser()
    if path.is_file() or path.suffix == SUFFIX:
        return path
    if (shipped := shipped_controllers().get(str(name))) is not None:
        return shipped
    if path.is_dir():
        raise InputError(f"{name} is a folder, not a controller's file: give the {SUFFIX} file in it")
    if path.name != str(name):
        raise InputError(f"there is no controller's file {name}: check the path")
    return None


def controller_file(name: str | Path) -> Path:
    """As :func:`find_controller`, for whoever takes nothing but a controller.

    Raises:
        InputError: if there is no such controller.
    """
    file = find_controller(name)
    if file is None:
        raise InputError(
            f"there is no controller {str(name)!r}: {use_one_of(str(name), shipped_controllers())}, "
            f"or a controller's file ({SUFFIX})"
        )
    return file
