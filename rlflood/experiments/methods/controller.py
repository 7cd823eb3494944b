"""A trained controller as a method: one run."""

from importlib import resources
from pathlib import Path

from rlflood.errors import InputError
from rlflood.experiments.methods.base import ScheduledMethod
from rlflood.schedulers import Controller, PolicyScheduler
from rlflood.training import Task

SUFFIX = ".safetensors"


class ControllerMethod(ScheduledMethod):
    """Rolls a controller out, in one run a repeat.

    Args:
        file: The controller's file; its name without the suffix names the method.

    Raises:
        InputError: if the file is not a usable controller.
    """

    def __init__(self, file: str | Path) -> None:
        self.controller = Controller.load(file)
        super().__init__(Path(file).stem, self._scheduler)

    def _scheduler(self, task: Task) -> PolicyScheduler:
        return PolicyScheduler(self.controller, epochs=task.epochs, classes=task.source().classes)


def shipped_controllers() -> dict[str, Path]:
    """The controllers that come with rlflood, by name."""
    folder = Path(str(resources.files("rlflood"))) / "agents" / "controllers"
    return {file.stem: file for file in sorted(folder.glob(f"*{SUFFIX}"))}


def find_controller(name: str) -> Path | None:
    """The file of a controller given by its path or, if it is a shipped one, by its name.

    Raises:
        InputError: if ``name`` is a path, not a name, and leads nowhere.
    """
    path = Path(name).expanduser()
    if path.is_file() or path.suffix == SUFFIX:
        return path
    if path.is_dir():
        raise InputError(f"{name} is a folder, not a controller's file: give the {SUFFIX} file in it")
    if path.name != name:
        raise InputError(f"there is no controller's file {name}: check the path")
    return shipped_controllers().get(name)
