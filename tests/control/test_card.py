import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.card import card
from rlflood.control.features import FEATURES
from rlflood.control.shipped import controller_card
from rlflood.errors import InputError
from rlflood.holding import Hold


def saved(tmp_path, spec, **options):
    layer = (
        np.zeros((spec.actions, len(FEATURES[spec.observation])), np.float32),
        np.zeros(spec.actions, np.float32),
    )
    controller = Controller(spec, [layer], **options)
    controller.save(tmp_path / "mine.safetensors")
    return controller


def test_what_a_file_says_of_a_controller_that_needs_no_validation(tmp_path):
    spec = ControlSpec(
        "training", LevelSet((0.0, 0.25, 0.5), "guessing"), 1, hold=Hold(16.0, 0.25), average=True
    )
    made = {"algorithm": "ppo", "episodes": 48, "seed": 3, "preset": {"policy": [8]}}
    controller = saved(tmp_path, spec, provenance=made)
    assert card(str(tmp_path / "mine.safetensors")).splitlines() == [
        "# mine",
        "",
        "- sees: `training`; goes by train loss and train accuracy alone and needs no validation split",
        "- sets: 0, 0.25, 0.5 times the loss of guessing, log(classes)",
        "- decides: 1 time a run",
        "- holds: the mean of some 16 batches at the level; a step up weighs 0.25",
        "- to deploy: the average of the weights",
        "- trained with: algorithm ppo, episodes 48, seed 3",
        f"- fingerprint: {controller.fingerprint}",
    ]


def test_what_a_file_says_of_another(tmp_path):
    saved(tmp_path, ControlSpec("extended", LevelSet((0.0, 0.5), "relative"), 20, returning=True))
    told = card(str(tmp_path / "mine.safetensors"))
    assert "- sees: `extended`; needs a validation split\n" in told
    assert "0, 0.5 times the best validation loss so far; puts the best weights back\n" in told
    assert "- holds: each batch at the level\n- to deploy: the network after the last epoch\n" in told
    assert "trained with" not in told


def test_a_shipped_controller_has_its_own_card_and_what_is_none_is_an_input_error(tmp_path):
    assert card("default") == controller_card("default")
    with pytest.raises(InputError, match="use one of"):
        card("nothing")
    with pytest.raises(InputError, match="there is no controller file"):
        card(str(tmp_path / "none.safetensors"))
