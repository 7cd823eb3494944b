"""Files that people name for results: checked before the work, written whole after it."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from rlflood.errors import InputError
from rlflood.files import check_writable, reason, write_whole
from rlflood.saving import attempt


def check_output(path: Path, option: str) -> None:
    """Make sure that ``path`` can be written, before hours of work are spent on what goes into it.

    Args:
        path: The file to be.
        option: What the person gave it to, such as ``--json``.

    Raises:
        InputError: if it is a folder, or its folder cannot be made or written to.
    """
    if os.path.isdir(path):
        raise InputError(f"{option} {path} is a folder: give the name of a file in it")
    try:
        check_writable(path)
    except OSError as error:
        raise _unwritable(path, option, error) from None


def check_output_folder(path: Path, option: str) -> None:
    """Make sure that files can be written into the folder ``path``, which need not be there yet.

    Raises:
        InputError: if it is a file, or cannot be made or written to.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise InputError(f"{option} {path} is a file: give a folder")
    try:
        check_writable(path / "probe")
    except OSError as error:
        raise _unwritable(path, option, error) from None


def check_apart(
    files: Mapping[str, Path | None], folders: Mapping[str, Path | None], inputs: Iterable[str | Path]
) -> None:
    """Make sure that no output takes the place of another one, or of a file that the command reads.

    Args:
        files: The files to be, by option; those that are not given are None.
        folders: The folders to be, likewise.
        inputs: What the command reads; what is no file is left out of account.

    Raises:
        InputError: naming the two that don't go together.
    """
    outputs = {option: _place(path) for option, path in {**files, **folders}.items() if path is not None}
    read = {_place(path) for path in inputs if os.path.isfile(path)}
    for option, place in outputs.items():
        if option in files and place in read:
            raise InputError(
                f"{option} {files[option]} would replace what is read from it: choose another place"
            )
        for other, theirs in outputs.items():
            if option != other and (place == theirs or (option in files and place in theirs.parents)):
                raise InputError(
                    f"{option} and {other} cannot both have {place}: give each a place of its own"
                )


def write_output(path: Path, content: bytes | str, option: str, *, rescue: bool = False) -> None:
    """Write a result, whole or not at all.

    Args:
        path: The file.
        content: What goes into it.
        option: What the person gave it to.
        rescue: Whether the content took long to come by: what cannot be written to ``path`` goes to the
            system's folder for temporary files, if it can.

    Raises:
        InputError: if it cannot be written after all, saying where it was written instead.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        instead = _rescued(path.name, content) if rescue else None
        raise _unwritable(path, option, error, instead) from None


class GrowingFile:
    """A result that is written again whenever more of it is there.

    What cannot be written is a warning while the work goes on, and an error when it is done.

    Args:
        path: The file.
        option: What the person gave it to.
    """

    def __init__(self, path: Path, option: str) -> None:
        self._path, self._option = path, option
        self._unwritten: bytes | str | None = None

    def write(self, content: bytes | str) -> None:
        """Write all that there is."""
        path = self._path
        failed = attempt(
            path.parent,
            {path: lambda: write_whole(path, content)},
            "the work goes on, and writes it again with what comes next",
        )
        self._unwritten = content if failed else None

    def finish(self) -> None:
        """Write once more what could not be written.

        Raises:
            InputError: see :func:`write_output`.
        """
        if self._unwritten is not None:
            write_output(self._path, self._unwritten, self._option, rescue=True)


def write_all(writings: Iterable[Callable[[], None]]) -> None:
    """Write several results: one that cannot be written does not keep the others from it.

    Raises:
        InputError: if any was raised, with the messages of all.
    """
    problems = []
    for write in writings:
        try:
            write()
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))


def _rescued(name: str, content: bytes | str) -> Path | None:
    try:
        path = _rescue_folder() / name
        write_whole(path, content)
    except OSError:
        return None
    return path


@lru_cache
def _rescue_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rlflood-"))


def _place(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


def _unwritable(path: Path, option: str, error: OSError, instead: Path | None = None) -> InputError:
    what = "choose another place" if instead is None else f"what belongs there is in {instead} instead"
    return InputError(f"{option} {path} cannot be written ({reason(error)}): {what}")
