"""Controllers by name and by path, and what is said where there is none."""

from pathlib import Path

import numpy as np
import pytest

import rlflood
from rlflood.control import Controller, ControlSpec, LevelSet, shipped
from rlflood.control.shipped import (
    controller_card,
    controller_file,
    find_controller,
    shipped_controllers,
)
from rlflood.errors import InputError

PACKAGE = Path(rlflood.__file__).parent


def controller(action=1):
    bias = np.zeros(3, np.float32)
    bias[action] = 1
    layer = (np.zeros((3, 4), np.float32), bias)
    return Controller(ControlSpec("metrics", LevelSet((0.0, 0.25, 0.5)), decisions=3), [layer])


@pytest.fixture
def two_shipped(tmp_path, monkeypatch):
    """`default` sets .25 and `other` .5; the current folder is empty."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name, action in (("other", 2), ("default", 1)):
        controller(action).save(folder / f"{name}.safetensors")
        (folder / f"{name}.md").write_text(f"# For {name} things\n\nMöre.\n", encoding="utf-8")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return folder


def test_names_lead_to_files_in_order(two_shipped):
    assert shipped_controllers() == {
        "default": two_shipped / "default.safetensors",
        "other": two_shipped / "other.safetensors",
    }


@pytest.mark.parametrize(("name", "level"), [("default", 0.25), ("other", 0.5)])
def test_a_shipped_controller_is_loaded_by_its_name(two_shipped, name, level):
    scheduler = rlflood.load_controller(name, epochs=100, classes=10)
    assert scheduler.level == level


def test_a_folder_of_the_same_name_is_in_nobodys_way(two_shipped):
    Path("default").mkdir()
    assert find_controller("default") == two_shipped / "default.safetensors"


@pytest.mark.parametrize("own", ["default", "default.safetensors", "runs/default.safetensors"])
def test_a_path_wins_over_a_name(two_shipped, own):
    Path(own).parent.mkdir(exist_ok=True)
    controller(2).save(own)
    assert rlflood.load_controller(own, epochs=100, classes=10).level == 0.5
    assert rlflood.load_controller(Path(own), epochs=100, classes=10).level == 0.5


def test_a_path_without_a_file_is_no_name(two_shipped):
    with pytest.raises(InputError, match=r"there is no controller file default\.safetensors"):
        rlflood.load_controller("default.safetensors", epochs=5, classes=10)
    with pytest.raises(InputError, match=r"no controller's file \./default: check the path"):
        rlflood.load_controller("./default", epochs=5, classes=10)
    Path("folder").mkdir()
    with pytest.raises(InputError, match=r"folder is a folder.*\.safetensors file in it"):
        rlflood.load_controller("folder", epochs=5, classes=10)


def test_an_unknown_name_is_told_the_shipped_ones(two_shipped):
    assert find_controller("defualt") is None
    message = (
        r"no controller 'defualt': did you mean default\? use one of default, other, or a controller's file"
    )
    with pytest.raises(InputError, match=message):
        controller_file("defualt")
    with pytest.raises(InputError, match=message):
        rlflood.load_controller("defualt", epochs=5, classes=10)


def test_cards(two_shipped):
    assert controller_card("other") == "# For other things\n\nMöre.\n"
    with pytest.raises(InputError, match=r"no controller .nothing. .*: use one of default, other"):
        controller_card("nothing")


def test_what_is_shipped_is_usable_and_has_a_card_that_says_what_for():
    folder = PACKAGE / "control" / "controllers"
    files = {file.stem: file for file in folder.glob("*.safetensors")}
    assert shipped_controllers() == files
    assert {file.stem for file in folder.glob("*.md")} == set(files)
    for name, file in files.items():
        assert Controller.load(file).provenance["seed"] is not None
        first = controller_card(name).partition("\n")[0].lstrip("# ")
        assert len(first.split()) > 3, "the first line of a card says what the controller is for"
        assert len(first) <= 100


def test_a_slip_in_a_name_is_asked_after(two_shipped):
    for ask in (controller_file, controller_card):
        with pytest.raises(
            InputError, match=r"'defualt'.*: did you mean default\? use one of default, other"
        ):
            ask("defualt")
