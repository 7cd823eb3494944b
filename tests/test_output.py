"""Places that results can, and cannot, be written to."""

from pathlib import Path

import pytest

from rlflood import output
from rlflood.errors import InputError, RlfloodWarning
from rlflood.output import (
    GrowingFile,
    check_apart,
    check_output,
    check_output_folder,
    write_all,
    write_output,
)


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


def test_folders_that_cannot_be_written_to_are_named(tmp_path):
    check_output_folder(tmp_path / "new" / "deep", "--checkpoints")
    check_output_folder(tmp_path, "--checkpoints")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=r"--checkpoints .*file is a file: give a folder"):
        check_output_folder(tmp_path / "file", "--checkpoints")
    with pytest.raises(InputError, match=r"--checkpoints .*cannot be written"):
        check_output_folder(tmp_path / "file" / "deep", "--checkpoints")


@pytest.mark.parametrize(
    ("json", "plot", "checkpoints"),
    [("a", "a", None), ("a", "b/../a", None), ("a", None, "a"), ("a", None, "a/b"), ("mine.csv", None, None)],
)
def test_an_output_takes_the_place_of_nothing_else(tmp_path, monkeypatch, json, plot, checkpoints):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("kept")
    json, plot, checkpoints = (None if name is None else Path(name) for name in (json, plot, checkpoints))
    with pytest.raises(InputError, match="--json"):
        check_apart(
            {"--json": json, "--plot": plot}, {"--checkpoints": checkpoints}, ["mine.csv", "wine", ""]
        )


def test_outputs_beside_each_other_and_in_each_others_folders_are_fine(tmp_path):
    files = {"--json": tmp_path / "runs" / "a.json", "--plot": tmp_path / "runs" / "a.png", "--none": None}
    check_apart(files, {"--checkpoints": tmp_path / "runs"}, [tmp_path / "mine.csv"])


def test_what_took_long_goes_to_another_place_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_rescue_folder", lambda: tmp_path / "elsewhere")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError) as caught:
        write_output(tmp_path / "file" / "a.json", "{}", "--json", rescue=True)
    assert f"--json {tmp_path}/file/a.json cannot be written" in str(caught.value)
    assert str(tmp_path / "elsewhere" / "a.json") in str(caught.value)
    assert (tmp_path / "elsewhere" / "a.json").read_text() == "{}"


def test_a_growing_file_is_a_warning_at_first_and_an_error_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_rescue_folder", lambda: tmp_path / "elsewhere")
    path = tmp_path / "folder" / "a.json"
    (tmp_path / "folder").write_text("in the way")
    file = GrowingFile(path, "--json")
    with pytest.warns(RlfloodWarning, match=r"a\.json cannot be written") as caught:
        file.write("1")
        file.write("2")
    assert len(caught) == 1
    with pytest.raises(InputError, match="elsewhere"):
        file.finish()
    assert (tmp_path / "elsewhere" / "a.json").read_text() == "2"
    (tmp_path / "folder").unlink()
    file.finish()
    assert path.read_text() == "2"


def test_one_result_that_cannot_be_written_does_not_keep_the_others_from_it(tmp_path):
    (tmp_path / "file").write_text("kept")
    places = [tmp_path / "file" / "a", tmp_path / "b", tmp_path / "file" / "c"]
    with pytest.raises(InputError, match=r"file/a .*; .*file/c"):
        write_all(lambda path=path: write_output(path, "x", "--out") for path in places)
    assert (tmp_path / "b").read_text() == "x"
