"""Presets: those that come with the package, one's own, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from rlflood import InputError
from rlflood.agents import Preset, load_preset, preset_names
from rlflood.agents.algorithm import ALGORITHMS, AlgorithmName, hyperparameters

BASED = 'based_on = "default"\n'


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_of_the_package_is_valid(name: str) -> None:
    preset = load_preset(name)
    assert preset.iterations * preset.replicas >= preset.episodes
    assert preset.relative_reward


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_trains_by_the_default_preset(algorithm: str) -> None:
    preset, default = load_preset("default", algorithm=algorithm), load_preset("default")
    assert preset.algorithm == algorithm
    assert preset.tasks == default.tasks
    assert preset.hyperparameters == hyperparameters(preset.algorithm, {})


def test_the_demo_is_the_default_preset_but_for_its_length() -> None:
    demo, default = load_preset("demo"), load_preset("default")
    assert demo.episodes < default.episodes
    assert demo.model_copy(update={"episodes": default.episodes}) == default


def test_ones_own_preset_needs_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    own = 'algorithm = "a2c"\n[tasks]\nfamilies = ["blobs"]\n[tasks.base]\nhidden = [20]\n'
    file.write_text(BASED + own)
    preset = load_preset(str(file), episodes=77)
    assert preset.algorithm == "a2c"
    assert preset.episodes == 77
    assert preset.tasks.families == ("blobs",)
    assert preset.tasks.base.hidden == (20,)
    assert preset.levels == load_preset("default").levels


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_preset_survives_json(algorithm: AlgorithmName) -> None:
    own = {"algorithm": algorithm, "hyperparameters": {"learning_rate": 0.125}}
    preset = Preset(**{**load_preset("default").model_dump(), **own})
    back = Preset(**json.loads(json.dumps(preset.model_dump(mode="json"))))
    assert back == preset
    assert back.hyperparameters.learning_rate == 0.125


def test_ones_own_preset_may_be_based_on_another(tmp_path: Path) -> None:
    base, mine = tmp_path / "base.toml", tmp_path / "mine.toml"
    base.write_text(
        'based_on = "default"\nepisodes = 7\npolicy = [5]\n[hyperparameters]\ngamma = 0.5\n'
        "learning_rate = 1e-5\n[tasks.base]\nhidden = [20]\n"
    )
    mine.write_text(
        f'based_on = "{base}"\npolicy = [9]\n[hyperparameters]\ngamma = 0.25\n[tasks]\nfamilies = ["blobs"]\n'
    )
    preset, default = load_preset(str(mine)), load_preset("default")
    assert (preset.episodes, preset.policy, preset.decisions) == (7, (9,), default.decisions)
    assert preset.tasks.base == default.tasks.base.model_copy(update={"hidden": (20,)})
    assert preset.tasks.families == ("blobs",)
    own = {"gamma": 0.25, "learning_rate": 1e-5}
    assert preset.hyperparameters == hyperparameters("ppo", own)


def test_ones_own_preset_without_a_base_says_all_that_has_no_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("groups = 2\ndecisions = 4\n")
    with pytest.raises(InputError) as caught:
        load_preset(str(file), episodes=8)
    assert str(caught.value) == (
        f"the preset {file} lacks group_size, policy, observation, levels, reward, tasks: give what differs "
        'from another preset, and based_on = "default" for the rest'
    )


def test_presets_that_are_based_on_each_other_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text(f'based_on = "{other}"')
    other.write_text(f'based_on = "{one}"')
    with pytest.raises(InputError, match=r"one\.toml, .*other\.toml are based on each other"):
        load_preset(str(one))
    other.write_text("based_on = 3")
    with pytest.raises(InputError, match=r"other\.toml: based_on: the name of a preset"):
        load_preset(str(one))
    other.write_text('based_on = "defualt"')
    with pytest.raises(InputError, match="unknown preset 'defualt'"):
        load_preset(str(one))


def test_another_algorithm_does_not_take_over_hyperparameters(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"{BASED}[hyperparameters]\ngamma = 0.9\n")
    assert load_preset(str(file), algorithm="ppo") == load_preset(str(file))
    with pytest.raises(InputError, match=r"mine\.toml has hyperparameters for ppo: .*trpo"):
        load_preset(str(file), algorithm="trpo")
    with pytest.raises(InputError, match="unknown algorithm 'dqn'"):
        load_preset(str(file), algorithm="dqn")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("algorithm = 'dqn'", "algorithm"),
        ("epsiodes = 3", "epsiodes: no such key"),
        ("[hyperparameters]\nlearning_rat = 1", "ppo: learning_rat: no such key"),
        ("[hyperparameters]\nseed = 1", "ppo: seed: no such key"),
        ("hyperparameters = 3", "hyperparameters: not a table"),
        (
            "groups = 1\ngroup_size = 2\ndecisions = 1",
            "groups . group_size . decisions = 2 is too few for ppo",
        ),
        ("groups = 3\nalgorithm = 'ars'\n[hyperparameters]\nn_delta = 8", "= 24 must be a multiple"),
        ("levels = 'cifar11'", "unknown level set"),
        ("levels = [0.3, 0.1]", "rising"),
        ("levels = 'relative'", "'relative' has the unit 'relative', not 'turning-point': leave level_unit"),
        ("group_size = 1", "group_size of 2"),
        ("decisions = 2000", "2000 decisions do not fit into 50 epochs"),
        ("[tasks]\nvariants = [{}, {epochs = 19}]", "20 decisions do not fit into 19 epochs"),
        ("[tasks.base]\nlabel_noise = 1.5", "label_noise"),
        ("[tasks]\nfamilies = ['digits']", "families"),
        ("[tasks\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(BASED + text)
    with pytest.raises(InputError, match=message) as caught:
        load_preset(str(file))
    assert "mine.toml" in str(caught.value)


def test_unknown_names_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"unknown preset 'defualt': did you mean default[?] use one of blind, default, demo, robust",
    ):
        load_preset("defualt")
    with pytest.raises(InputError, match="cannot be read"):
        load_preset(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("strengths = [0, 1]\n", "the cross-entropy has no strength"),
        ('strengths = [0, 1]\n[tasks.base]\ncriterion = "gce"\n', "the strength of gce, its q"),
        ('strengths = [3, 1]\n[tasks.base]\ncriterion = "elr"\n', "strengths must rise"),
        ('[[tasks.variants]]\ncriterion = "elr"\n[[tasks.variants]]\n', "all variants have one criterion"),
    ],
)
def test_strengths_and_criterion_fit_together(tmp_path: Path, own: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(BASED + own)
    with pytest.raises(InputError, match=message):
        load_preset(str(file))
    file.write_text(BASED + 'strengths = [0, 1, 3, 7]\n[tasks.base]\ncriterion = "elr"\n')
    spec = load_preset(str(file)).spec
    assert (spec.criterion, spec.strengths) == ("elr", (0.0, 1.0, 3.0, 7.0))


def test_a_preset_without_validation_and_one_whose_parts_do_not_go_together(tmp_path: Path) -> None:
    file = tmp_path / "blind.toml"
    blind = f'{BASED}observation = "training"\nlevels = [0.0, 0.2, 0.5]\n'
    file.write_text(f'{blind}level_unit = "guessing"\n[tasks.base]\njoined = true\n')
    preset = load_preset(str(file))
    assert not preset.spec.needs_validation and preset.tasks.base.joined
    file.write_text(f'{blind}level_unit = "relative"\n')
    with pytest.raises(InputError, match=r"preset .*: levels in the unit 'relative' go by the validation"):
        load_preset(str(file))
