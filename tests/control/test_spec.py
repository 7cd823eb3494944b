"""What actions stand for, what a policy that sets strengths sees of them, and what needs no validation."""

from itertools import product

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.control import Control
from rlflood.control.features import FEATURES
from rlflood.errors import InputError
from rlflood.metrics import Metrics

LEVELS, STRENGTHS = (0.0, 0.5, 1.0), (0.0, 1.0, 3.0, 7.0)
BOTH = ControlSpec("extended", LevelSet(LEVELS), 5, returning=True, criterion="elr", strengths=STRENGTHS)


def test_each_action_is_a_pair_of_a_level_and_a_strength_and_the_last_one_the_return():
    assert BOTH.actions == 13
    joined = Control(BOTH, epochs=5, classes=2)
    joined.act(np.arange(12))
    pairs = zip(joined.level.tolist(), joined.strength.tolist(), strict=True)
    assert list(pairs) == list(product(LEVELS, STRENGTHS))
    assert not joined.returns.any()
    joined.act(np.full(12, 12))
    assert joined.returns.all()
    kept = zip(joined.level.tolist(), joined.strength.tolist(), strict=True)
    assert list(kept) == list(product(LEVELS, STRENGTHS)), "the return keeps what was chosen before"


def test_without_strengths_actions_are_levels():
    spec = ControlSpec("extended", LevelSet(LEVELS), 5, returning=True, criterion="elr")
    joined = Control(spec, epochs=5, classes=2)
    joined.act(np.arange(3))
    assert spec.actions == 4 and joined.level.tolist() == list(LEVELS) and joined.strength is None
    assert spec.features == FEATURES["extended"]


def test_it_sees_the_place_of_its_present_strength_last():
    joined = Control(BOTH, epochs=5, classes=2)
    assert BOTH.features == (*FEATURES["extended"], "place of the strength")
    assert joined.observation().shape == (1, len(BOTH.features))
    assert joined.observation()[0, -1] == 0
    joined.act(np.array([0, 5, 10, 3]))
    seen = joined.observation()  # the run has not shown how many replicas there are; the actions have
    np.testing.assert_array_equal(seen[:, -1], np.array([0, 1, 2, 3], np.float32) / np.float32(3))
    joined.update(Metrics(*np.full((4, 4), 0.5)), joined.level)
    after = joined.observation()
    np.testing.assert_array_equal(after[:, -1], seen[:, -1])
    plain = Control(ControlSpec("extended", LevelSet(LEVELS), 5), epochs=5, classes=2)
    plain.update(Metrics(*np.full((4, 4), 0.5)), joined.level)
    np.testing.assert_array_equal(after[:, :-1], plain.observation())
    low, high = BOTH.bounds
    assert low.shape == high.shape == seen.shape[1:] and low.dtype == np.float32
    assert (low[-1], high[-1]) == (0, 1)


def test_one_strength_is_a_place_too():
    joined = Control(ControlSpec(criterion="gce", strengths=(0.5,)), epochs=5, classes=2)
    assert joined.strength.tolist() == [0.5] and joined.observation()[0, -1] == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"criterion": "erl"}, "there is no criterion 'erl': did you mean elr"),
        ({"strengths": (1.0,)}, "the cross-entropy has no strength"),
        ({"criterion": "gce", "strengths": (0.0, 0.5)}, "the strength of gce, its q, must be .* above 0"),
        ({"criterion": "elr", "strengths": (3.0, 1.0)}, r"strengths must rise: got \[3.0, 1.0\]"),
        ({"criterion": "elr", "strengths": (1.0, 1.0)}, "strengths must rise"),
    ],
)
def test_what_no_controller_can_have(fields, message):
    with pytest.raises(InputError, match=message):
        ControlSpec(**fields)


UNITS = ("absolute", "relative", "turning-point", "guessing")


def levels(unit):
    return LevelSet((0.0, 0.5, 1.0), unit)


@pytest.mark.parametrize("unit", ["absolute", "guessing"])
def test_a_controller_of_the_training_alone_needs_no_validation(unit):
    assert not ControlSpec("training", levels(unit)).needs_validation


@pytest.mark.parametrize("observation", [kind for kind in FEATURES if kind != "training"])
def test_all_others_do(observation):
    assert all(ControlSpec(observation, levels(unit)).needs_validation for unit in UNITS)


@pytest.mark.parametrize("unit", ["relative", "turning-point"])
def test_its_levels_may_not_go_by_the_validation(unit):
    with pytest.raises(InputError, match=f"levels in the unit '{unit}' go by the validation.*'guessing'"):
        ControlSpec("training", levels(unit))


def test_nor_may_it_return_to_the_best_weights():
    with pytest.raises(InputError, match="returning=True goes by the validation"):
        ControlSpec("training", levels("guessing"), returning=True)


def test_its_file_is_refused_where_it_says_otherwise(tmp_path):
    layer = np.zeros((3, len(FEATURES["training"])), np.float32), np.zeros(3, np.float32)
    chosen = Controller(ControlSpec("training", levels("guessing"), average=True), [layer])
    file = tmp_path / "blind.safetensors"
    chosen.save(file)
    loaded = Controller.load(file)
    assert loaded.spec == chosen.spec and loaded.fingerprint == chosen.fingerprint
    # "guessing" and "relative" are of the same length
    forged = file.read_bytes().replace(b"guessing", b"relative")
    with pytest.raises(InputError, match="is not usable: levels in the unit 'relative' go by the validation"):
        Controller.from_bytes(forged)
