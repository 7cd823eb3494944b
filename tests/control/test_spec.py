import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.errors import InputError

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
