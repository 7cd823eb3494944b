"""The algorithms: their tuned values, what can be set of them, what their classes are given."""

import inspect
import sys
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rlflood import InputError
from rlflood.agents.algorithm import (
    ALGORITHMS,
    PPO,
    AlgorithmName,
    LinearDecay,
    algorithm_class,
    check_algorithm,
    hyperparameters,
)
from rlflood.cli.app import app
from rlflood.toml_files import read_toml, toml_names

every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


def test_every_algorithm_has_its_file_and_its_place_in_the_help() -> None:
    assert set(toml_names("rlflood.agents", "algorithms")) == set(ALGORITHMS) == set(get_args(AlgorithmName))
    help_text = " ".join(CliRunner().invoke(app, ["train", "--help"]).output.split())
    listed = help_text.split("--algo ")[1].split("--episodes")[0]
    assert all(name in listed for name in ALGORITHMS)


@every_algorithm
def test_the_file_sets_everything_that_has_no_default(name: AlgorithmName) -> None:
    fields = ALGORITHMS[name].hyperparameters.model_fields
    required = {key for key, field in fields.items() if field.is_required()}
    tuned = read_toml(name, "algorithm", "rlflood.agents", "algorithms")
    assert required <= set(tuned) <= set(fields)
    assert hyperparameters(name, {}).model_dump(exclude_unset=True) == tuned


@every_algorithm
def test_its_class_takes_what_it_is_given(name: AlgorithmName) -> None:
    if name in ("trpo", "recurrent-ppo", "ars"):
        pytest.importorskip("sb3_contrib")
    keywords = hyperparameters(name, {}).keywords(decisions=10, replicas=256)
    parameters = set(inspect.signature(algorithm_class(name)).parameters)
    if name == "reinforce":  # which takes A2C's
        parameters |= set(inspect.signature(algorithm_class("a2c")).parameters)
    assert set(keywords) <= parameters
    assert keywords.get("n_steps", 10) == 10


@every_algorithm
def test_own_values_replace_the_tuned_ones(name: AlgorithmName) -> None:
    own = hyperparameters(name, {"learning_rate": 0.125, "learning_rate_end_factor": 0.5})
    assert own.learning_rate == 0.125
    others = own.model_dump(exclude={"learning_rate", "learning_rate_end_factor"})
    assert others.items() <= hyperparameters(name, {}).model_dump().items()
    rate = own.keywords(10, 256)["learning_rate"]
    assert [rate(left) for left in (1.0, 0.5, 0.0)] == pytest.approx([0.125, 0.09375, 0.0625])


@pytest.mark.parametrize(
    ("name", "own", "message"),
    [
        (
            "ppo",
            {"learning_rat": 1},
            "ppo: learning_rat: no such key; did you mean learning_rate or .*there are clip_range",
        ),
        ("ppo", {"batch_size": 64}, "batch_size: no such key; .*minibatches"),
        ("trpo", {"n_epochs": 3}, "trpo: n_epochs: no such key"),
        ("a2c", {"learning_rate": 0}, "learning_rate: .*greater than 0"),
        ("a2c", {"learning_rate": "fast"}, "learning_rate: .*'fast'"),
        ("a2c", {"learning_rate": float("nan")}, "learning_rate"),
        ("ppo", {"learning_rate_end_factor": 1.5}, "learning_rate_end_factor: .*less than or equal to 1"),
        ("ppo", {"gamma": -0.1}, "gamma"),
        ("ppo", {"n_epochs": 0}, "n_epochs"),
        ("ars", {"n_delta": 4, "n_top": 5}, "n_top=5 of n_delta=4"),
        ("reinforce", {"gamma": 0.9}, "gamma: no such key"),
    ],
)
def test_what_cannot_be_set_is_named(name: AlgorithmName, own: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hyperparameters(name, own)


def test_an_unknown_algorithm_is_named() -> None:
    assert check_algorithm("trpo") == "trpo"
    with pytest.raises(InputError, match=r"unknown algorithm 'PP0': did you mean ppo\? use one of ppo"):
        check_algorithm("PP0")
    with pytest.raises(InputError, match=r"unknown algorithm 'dqn': use one of ppo, a2c, .*ars"):
        check_algorithm("dqn")


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 40))
def test_minibatches_are_as_equal_as_they_can_be_and_none_is_of_one_decision(
    replicas: int, decisions: int, minibatches: int
) -> None:
    values = hyperparameters("ppo", {"minibatches": minibatches})
    assert isinstance(values, PPO)
    steps = replicas * decisions
    assume(steps >= values.minimum_steps)  # a preset refuses others
    size = values.keywords(decisions, replicas)["batch_size"]
    parts = [min(size, steps - begin) for begin in range(0, steps, size)]
    assert 1 not in parts
    assert len(parts) <= minibatches
    if steps % minibatches == 0:
        assert parts == [steps // minibatches] * minibatches


def test_a_learning_rate_falls_linearly() -> None:
    assert [LinearDecay(0.01, 0.2)(left) for left in (1.0, 0.5, 0.25, 0.0)] == pytest.approx(
        [0.01, 0.006, 0.004, 0.002]
    )
    assert {LinearDecay(0.01, 1.0)(left) for left in (1.0, 0.3, 0.0)} == {0.01}


@pytest.mark.parametrize("name", ["trpo", "recurrent-ppo", "ars"])
def test_without_sb3_contrib_an_algorithm_of_its_says_how_to_install_it(
    name: AlgorithmName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    monkeypatch.delitem(sys.modules, "rlflood.agents.ars", raising=False)
    with pytest.raises(InputError, match=r'needs sb3-contrib: pip install "rlflood\[algorithms\]"'):
        algorithm_class(name)
    assert algorithm_class("ppo").__name__ == "PPO"
