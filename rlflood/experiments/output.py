"""Files that people name for results: checked before the work, written whole after it."""

import os
import tempfile
from pathlib import Path

from rlflood.errors import InputError
from rlflood.files import write_whole


def check_output(path: Path, option: str) -> None:
    """Make sure that ``path`` can be written, before hours of work are spent on what goes into it.

    Args:
        path: The file to be.
        option: What the person gave it to, such as ``--json``.

    Raises:
        InputError: if it is a folder, or its folder cannot be made or written to.
    """
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder: give the name of a file in it")
    existing = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(None, f"{existing} is a file, not a folder")
        # trying is the only sure way: permission bits don't tell of read-only mounts
        descriptor, probe = tempfile.mkstemp(dir=existing, prefix=".rlflood-")
        os.close(descriptor)
        os.unlink(probe)
    except OSError as error:
        raise _unwritable(path, option, error) from None


def write_output(path: Path, content: bytes | str, option: str) -> None:
    """Write a result, whole or not at all.

    Raises:
        InputError: if it cannot be written after all.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise _unwritable(path, option, error) from None


def _unwritable(path: Path, option: str, error: OSError) -> InputError:
    return InputError(f"{option} {path} cannot be written ({error.strerror}): choose another place")
