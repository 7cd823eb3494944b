"""TOML by name or by path; what is wrong with presets and studies is tested where they are."""

import pytest

from rlflood.errors import InputError
from rlflood.toml_files import read_toml, toml_names

STUDIES = ("rlflood.experiments.study", "studies")


def test_what_comes_with_the_package_is_found_by_name():
    names = toml_names(*STUDIES)
    assert "quick" in names and list(names) == sorted(names)
    assert read_toml("quick", "study", *STUDIES)["name"] == "quick"


def test_ones_own_file_is_found_by_its_path(tmp_path):
    (tmp_path / "quick.toml").write_text("a = 1")
    assert read_toml(str(tmp_path / "quick.toml"), "study", *STUDIES) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the thing .*my.toml cannot be read: No such file"),
        (b"\xff\xfe", "the thing .*my.toml is no text in UTF-8"),
        (b"a = = 1", "the thing .*my.toml is not valid TOML: .*line 1"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, message):
    if content is not None:
        (tmp_path / "my.toml").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_toml(str(tmp_path / "my.toml"), "thing", *STUDIES)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(InputError, match=r"unknown study .quik.: use one of budget, .*or a \.toml file"):
        read_toml("quik", "study", *STUDIES)
