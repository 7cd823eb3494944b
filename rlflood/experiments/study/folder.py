"""The folder of a study: begun, found again, and kept from being mixed with another."""

import hashlib
import json
from pathlib import Path

import tomli_w

from rlflood.control.shipped import shipped_controllers
from rlflood.data import FILE_ENDINGS
from rlflood.errors import InputError
from rlflood.experiments.methods import MethodName
from rlflood.experiments.study.file import Study, of_the_task, restored
from rlflood.experiments.study.locks import somebody_at_work
from rlflood.experiments.study.store import Store
from rlflood.output import write_output
from rlflood.words import counted

STUDY = "study.toml"
CONTROLLERS = "controllers"


def start_study(study: Study, folder: Path) -> Study:
    """Make a folder for a study, or find that the one there is the same study, or a part of it.

    A study that is there may be given more tasks, methods and seeds; what is done stays. A study that was run
    and stopped, or failed, before anything of it was done makes way for any other. The controllers' files
    are copied into the folder.

    Args:
        study: What to run.
        folder: Where.

    Returns:
        The study as it is in the folder.

    Raises:
        InputError: if the folder holds another study, or a method, a task's data or a file is not usable.
            Nothing has been written then.
    """
    check_study(study)
    stays = Store.exists(folder) and _stays(Store(folder))
    earlier = find_study(folder) if stays else None
    if earlier is not None:
        _check_extends(earlier, study, folder)
    files = _files(study, folder, json.loads(Store(folder).meta("files") or "{}") if stays else {})
    controllers, methods = _own_controllers(study, folder, keep=stays)
    study = study.model_copy(update={"methods": methods})
    content = study.model_dump(mode="json", exclude_none=True)

    store = Store(folder)
    if not stays:
        store.begin_anew()
    for own, copied in controllers.items():
        if not own.is_file() or own.read_bytes() != copied:
            write_output(own, copied, "the study's controller")
    store.set_meta("files", json.dumps(files))
    store.set_meta("study", json.dumps(content))
    write_output(folder / STUDY, tomli_w.dumps(content), "the study")
    return open_study(folder)


def check_study(study: Study) -> None:
    """Make sure that a study can be run, as far as that can be told without training.

    Raises:
        InputError: if a method is not usable, or not on one of the tasks, or a task's data are not.
    """
    methods = study.make_methods()
    study.checked_data()
    for task in study.tasks:
        for method in methods:
            with of_the_task(task):
                method.check(task)


def _stays(store: Store) -> bool:
    """Whether the study of a store is gone on with, rather than replaced: unless it was tried in vain."""
    if store.meta("study") is None:
        return False
    in_vain = store.tried and not store.units()
    return not in_vain or somebody_at_work(store.folder)


def find_study(folder: Path) -> Study | None:
    """The study whose results are in ``folder``, or None. Its data may have gone: they are not looked for."""
    text = Store(folder).meta("study") if Store.exists(folder) else None
    return None if text is None else restored(json.loads(text), f"the study in {folder}", folder)


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


def _files(study: Study, folder: Path, known: dict[str, str]) -> dict[str, str]:
    """The digests of the tasks' files; refuses files that are not those that the study began with."""
    files = dict(known)
    for task in study.tasks:
        if task.data.lower().endswith(FILE_ENDINGS):
            digest = _digest(Path(task.data))
            if files.setdefault(task.data, digest) != digest:
                raise InputError(
                    f"{task.data} has changed since the study in {folder} began: restore it, or choose "
                    "another --out"
                )
    return files


def _own_controllers(study: Study, folder: Path, *, keep: bool) -> tuple[dict[Path, bytes], tuple[str, ...]]:
    """The controllers' files as they belong into the study's folder, and the methods' names with these.

    A file stays there as it is, a shipped controller's too: another version of rlflood may come with another
    one of the same name.

    Args:
        study: The study.
        folder: Its folder.
        keep: Whether the files that are in the folder already are those of a study that has begun.
    """
    copies: dict[Path, bytes] = {}
    methods = []
    for method in study.methods:
        name = MethodName.parse(method)
        source = shipped_controllers().get(str(name.innermost), name.file)
        if source is None:
            methods.append(method)
            continue
        source = source.expanduser()
        own, content = folder / CONTROLLERS / source.name, source.read_bytes()
        known = copies.get(own, own.read_bytes() if keep and own.exists() else content)
        if known != content:
            raise InputError(
                f"the study in {folder} has another controller called {source.name}: rename {source}, or "
                "choose another --out"
            )
        copies[own] = content
        methods.append(str(name.with_innermost(f"{CONTROLLERS}/{source.name}")))
    return copies, tuple(methods)


def _without_folder(method: str) -> str:
    """A method's name with its controller, if it has one, as the file of a study's own folder is called."""
    name = MethodName.parse(method)
    file = shipped_controllers().get(str(name.innermost), name.file)
    return method if file is None else str(name.with_innermost(file.name))


def in_folder(method: str) -> str:
    """A method's name with its controller's file, if it has one, as that lies in the study's folder."""
    name = MethodName.parse(method)
    return method if name.file is None else str(name.with_innermost(f"{CONTROLLERS}/{name.file.name}"))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
