"""Writing files whole or not at all, and making sure beforehand that they can be written."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never a part.

    The content goes to a temporary file in the same folder (made if missing) and is then moved over
    ``path``: a crash, a full disk or Ctrl-C on the way leaves what was there before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = _temporary(path.parent, path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only the owner may read; give what an ordinary open() would have given
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Make sure that :func:`write_whole` can write ``path``; nothing of it is there afterwards.

    Raises:
        OSError: if it is no file, or its folder cannot be made or written to.
    """
    path = Path(path).absolute()
    if path.exists() and not path.is_file():
        raise IsADirectoryError(None, "it is a folder" if path.is_dir() else "it is a device")
    existing = next(parent for parent in path.parents if parent.exists())
    if not existing.is_dir():
        raise NotADirectoryError(None, f"{existing} is a file, not a folder")
    for missing in path.parent.relative_to(existing).parts:
        with suppress(FileNotFoundError):
            os.lstat(existing / missing)  # tells of a name that is too long
    # trying is the only sure way: permission bits don't tell of read-only mounts
    descriptor, probe = _temporary(existing, path.name)
    os.close(descriptor)
    os.unlink(probe)


def reason(error: OSError) -> str:
    """What is wrong, in the system's words."""
    return error.strerror or str(error)


def _temporary(folder: Path, name: str) -> tuple[int, str]:
    return tempfile.mkstemp(dir=folder, prefix=f".{name}.")
