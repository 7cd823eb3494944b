"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from rlflood.files import check_writable, write_whole


def test_text_and_bytes_arrive_as_they_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "Höhe\n")
    write_whole(str(tmp_path / "bytes"), b"\x00\r\n\xff")
    assert (tmp_path / "text").read_bytes() == "Höhe\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n\xff"


def test_it_replaces_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a much longer text from before")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_it_makes_missing_folders(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "file", "x")
    assert (tmp_path / "a" / "b" / "file").read_text() == "x"


@pytest.mark.parametrize("at", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_on_the_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(os, at, fail)
    with pytest.raises(type(error)):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_text("x")
    write_whole(tmp_path / "whole", "x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "whole")}
    assert len(modes) == 1


def test_what_can_be_written_is_checked_without_a_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deep" / "file")
    (tmp_path / "file").write_text("kept")
    check_writable(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", [".", "file/a", "file/a/b", "n" * 300, "new/" + "n" * 300 + "/a"])
def test_what_cannot_be_written_is_told_beforehand(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError):
        check_writable(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_read_only_place_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", fail)
    with pytest.raises(OSError, match="Read-only"):
        check_writable(tmp_path / "file")
