"""The folder of a study: begun, found again, and kept from being mixed with another."""

import hashlib
import json
from pathlib import Path

import tomli_w

from rlflood.data import FILE_ENDINGS
from rlflood.errors import InputError
from rlflood.experiments.methods import CONTROLLER_SUFFIX
from rlflood.experiments.store import Store
from rlflood.experiments.study import Study, resolved
from rlflood.files import write_whole
from rlflood.schedulers.shipped import shipped_controllers
from rlflood.words import counted

STUDY = "study.toml"
CONTROLLERS = "controllers"


def start_study(study: Study, folder: Path) -> Study:
    """Make a folder for a study, or find that the one there is the same study, or a part of it.

    A study that is there may be given more tasks, methods and seeds; what is done stays. The controllers'
    files are copied into the folder.

    Args:
        study: What to run.
        folder: Where.

    Returns:
        The study as it is in the folder.

    Raises:
        InputError: if the folder holds another study, or a method or file is not usable.
    """
    study.make_methods()  # before anything is written
    earlier = find_study(folder)
    if earlier is not None:
        _check_extends(earlier, study, folder)
    store = Store(folder)
    _check_files(store, study)
    study = study.model_copy(
        update={"methods": tuple(_with_own_controller(method, folder) for method in study.methods)}
    )
    content = study.model_dump(mode="json", exclude_none=True)
    store.set_meta("study", json.dumps(content))
    write_whole(folder / STUDY, tomli_w.dumps(content))
    return open_study(folder)


def find_study(folder: Path) -> Study | None:
    """The study whose results are in ``folder``, or None."""
    text = Store(folder).meta("study") if Store.exists(folder) else None
    return None if text is None else resolved(json.loads(text), f"the study in {folder}", folder)


def open_study(folder: Path) -> Study:
    """The study whose results are in ``folder``.

    Raises:
        InputError: if there is none.
    """
    study = find_study(folder)
    if study is None:
        raise InputError(
            f"there is no study in {folder}: run one with `rlflood benchmark STUDY --out {folder}`"
        )
    return study


def _check_extends(earlier: Study, study: Study, folder: Path) -> None:
    """Refuse to mix the results of two studies."""
    problems = [
        f"{key} is {getattr(earlier, key)} there, not {getattr(study, key)}"
        for key in ("seed", "runs", "highest_level")
        if getattr(earlier, key) != getattr(study, key)
    ]
    if study.seeds < earlier.seeds:
        problems.append(f"it has {counted(earlier.seeds, 'seed')}, not {study.seeds}")
    new_tasks = {task.name: task for task in study.tasks}
    for task in earlier.tasks:
        if task.name not in new_tasks:
            problems.append(f"it has the task {task.name!r}, which is not asked for")
        elif new_tasks[task.name] != task:
            problems.append(f"its task {task.name!r} has other settings")
    known = {_without_folder(method) for method in study.methods}
    problems += [
        f"it has the method {method}, which is not asked for"
        for method in map(_without_folder, earlier.methods)
        if method not in known
    ]
    if problems:
        raise InputError(
            f"{folder} holds the results of another study ({'; '.join(problems)}): choose another --out, "
            "or go on with the study that is there by leaving the study's name out"
        )


def _check_files(store: Store, study: Study) -> None:
    """Refuse to go on with files that are not those that the study began with."""
    known = json.loads(store.meta("files") or "{}")
    for task in study.tasks:
        if task.data.endswith(FILE_ENDINGS):
            known.setdefault(task.data, _digest(Path(task.data)))
            if known[task.data] != _digest(Path(task.data)):
                raise InputError(
                    f"{task.data} has changed since the study in {store.folder} began: restore it, or choose "
                    "another --out"
                )
    store.set_meta("files", json.dumps(known))


def _with_own_controller(method: str, folder: Path) -> str:
    """A method's name with its controller's file copied into the study's folder, where it stays as it is.

    A shipped controller too: another version of rlflood may come with another one of the same name.
    """
    before, colon, name = method.rpartition(":")
    if name in shipped_controllers():
        source = shipped_controllers()[name]
    elif method.endswith(CONTROLLER_SUFFIX):
        source = Path(name).expanduser()
    else:
        return method
    own = folder / CONTROLLERS / source.name
    if not own.exists():
        write_whole(own, source.read_bytes())
    elif _digest(own) != _digest(source):
        raise InputError(
            f"the study in {folder} has another controller called {source.name}: rename {source}, or choose "
            "another --out"
        )
    return f"{before}{colon}{CONTROLLERS}/{source.name}"


def _without_folder(method: str) -> str:
    """A method's name with its controller, if it has one, as the file of a study's own folder is called."""
    before, colon, name = method.rpartition(":")
    if name in shipped_controllers():
        return f"{before}{colon}{name}{CONTROLLER_SUFFIX}"
    return f"{before}{colon}{Path(name).name}" if method.endswith(CONTROLLER_SUFFIX) else method


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
