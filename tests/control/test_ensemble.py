from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.ensemble import ensemble
from rlflood.control.features import FEATURES
from rlflood.errors import InputError
from rlflood.schedulers import PolicyScheduler

SPEC = ControlSpec("extended", LevelSet((0.0, 0.3, 0.7), "relative"), 4)


def member(seed, widths=(7, 5), provenance=None, spec=SPEC):
    rng = np.random.default_rng(seed)
    sizes = (len(spec.features), *widths, spec.actions)
    layers = [
        (rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]
    return Controller(spec, layers, provenance=provenance or {})


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 5), widths=st.lists(st.integers(1, 9), max_size=3), seed=st.integers(0, 99))
def test_its_logits_are_the_mean_of_its_members_logits(count, widths, seed):
    members = [member(seed + number, tuple(widths)) for number in range(count)]
    seen = np.random.default_rng(seed).normal(size=(6, len(FEATURES["extended"]))).astype(np.float32)
    expected = np.mean([one.logits(seen)[0] for one in members], axis=0)
    np.testing.assert_allclose(ensemble(members).logits(seen)[0], expected, rtol=1e-4, atol=1e-4)


def test_members_of_different_widths_fit():
    members = [member(0, (4, 9)), member(1, (8, 2))]
    seen = np.ones((1, len(FEATURES["extended"])), np.float32)
    expected = np.mean([one.logits(seen)[0] for one in members], axis=0)
    np.testing.assert_allclose(ensemble(members).logits(seen)[0], expected, rtol=1e-4, atol=1e-5)


def test_members_that_set_strengths_fit_if_they_set_the_same():
    spec = replace(SPEC, criterion="elr", strengths=(0.0, 3.0))
    members = [member(0, spec=spec), member(1, spec=spec)]
    seen = np.ones((1, len(FEATURES["extended"]) + 1), np.float32)
    expected = np.mean([one.logits(seen)[0] for one in members], axis=0)
    np.testing.assert_allclose(ensemble(members).logits(seen)[0], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="the same observation, levels, strengths"):
        ensemble([members[0], member(1, spec=replace(spec, strengths=(0.0, 1.0)))])


def test_it_is_a_controller_like_any_other_and_knows_where_it_comes_from(tmp_path):
    made = [
        member(number, provenance={"algorithm": "ppo", "seed": number, "episodes": 100, "seconds": 2.5})
        for number in range(3)
    ]
    ensemble(made).save(tmp_path / "three.safetensors")
    loaded = Controller.load(tmp_path / "three.safetensors")
    assert loaded.provenance["seed"] == [0, 1, 2]
    assert (loaded.provenance["episodes"], loaded.provenance["seconds"]) == (300, 7.5)
    assert (loaded.provenance["algorithm"], loaded.provenance["members"]) == ("ppo", 3)
    PolicyScheduler(loaded, epochs=8, classes=2).step(
        train_loss=0.6, train_acc=0.6, val_loss=0.7, val_acc=0.5
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(member(1), spec=ControlSpec("extended", SPEC.levels, 5)), "number of decisions"),
        (replace(member(1), activation="relu"), "activation"),
        (member(1, (7,)), "equally many layers"),
    ],
)
def test_members_that_do_not_fit_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        ensemble([member(0), other])


def test_one_is_no_ensemble():
    with pytest.raises(InputError, match="two controllers or more"):
        ensemble([member(0)])
