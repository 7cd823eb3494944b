"""Recipes: those that come with the package, one's own, and what is wrong with them."""

from pathlib import Path

import pytest

from rlflood import InputError
from rlflood.agents import Preset, load_preset, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_of_the_package_is_valid(name: str) -> None:
    preset = load_preset(name)
    assert preset.iterations * preset.replicas >= preset.episodes
    assert preset.relative_reward


def test_the_presets_are_there() -> None:
    assert {"ppo", "a2c", "demo"} <= set(preset_names())


def test_ones_own_preset_needs_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('algorithm = "a2c"\n[tasks]\nfamilies = ["blobs"]\n[tasks.base]\nhidden = [20]\n')
    preset = load_preset(str(file), episodes=77)
    assert preset.algorithm == "a2c"
    assert preset.episodes == 77
    assert preset.tasks.families == ("blobs",)
    assert preset.tasks.base.hidden == (20,)
    assert preset.levels == Preset().levels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("algorithm = 'dqn'", "algorithm"),
        ("epsiodes = 3", "epsiodes: no such key"),
        ("[hyperparameters]\nlearning_rat = 1", "learning_rat cannot be set"),
        ("[hyperparameters]\nseed = 1", "seed cannot be set"),
        ("levels = 'cifar11'", "unknown level set"),
        ("levels = [0.3, 0.1]", "rising"),
        ("group_size = 1", "group_size of 2"),
        ("decisions = 2000", "do not fit"),
        ("[tasks.base]\nlabel_noise = 1.5", "label_noise"),
        ("[tasks]\nfamilies = ['digits']", "families"),
        ("[tasks\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_preset(str(file))
    assert "mine.toml" in str(caught.value)


def test_unknown_names_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown preset 'poo': use one of .*ppo"):
        load_preset("poo")
    with pytest.raises(InputError, match="cannot be read"):
        load_preset(str(tmp_path / "none.toml"))
