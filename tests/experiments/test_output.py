"""Places that results can, and cannot, be written to."""

import pytest

from rlflood.errors import InputError
from rlflood.experiments.output import check_output, write_output


def test_folders_are_made_when_writing_and_not_before(tmp_path):
    path = tmp_path / "new" / "deep" / "a.json"
    check_output(path, "--json")
    assert list(tmp_path.iterdir()) == []
    write_output(path, "{}", "--json")
    assert path.read_text() == "{}"


def test_places_that_cannot_be_written_are_named_with_their_option(tmp_path):
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path, tmp_path / "file" / "a.json", tmp_path / "file" / "b" / "a.json"):
        with pytest.raises(InputError, match="--json"):
            check_output(path, "--json")
    with pytest.raises(InputError, match="cannot be written"):
        write_output(tmp_path / "file" / "a.json", "{}", "--json")
    assert (tmp_path / "file").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
