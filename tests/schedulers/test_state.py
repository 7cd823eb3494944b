"""A state goes only into a scheduler that was made as the one that saved it, whole or not at all."""

import copy
import gc
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import rlflood
from rlflood.control import Controller
from rlflood.control.shipped import shipped_controllers
from rlflood.schedulers import (
    AdaptiveFlood,
    BackwardFlood,
    ConstantFlood,
    FloodScheduler,
    PiecewiseFlood,
    ReplayFlood,
    RewindFlood,
    TrackingFlood,
)

GOOD: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.7}


def controller(name: str = "default", epochs: int = 100, classes: Any = 10, **options: Any) -> FloodScheduler:
    return rlflood.load_controller(name, epochs=epochs, classes=classes, **options)


def stepped(scheduler: FloodScheduler, epochs: int = 3) -> dict[str, Any]:
    for _ in range(epochs):
        scheduler.step(**GOOD)
    return scheduler.state_dict()


@pytest.mark.parametrize(
    ("made", "other", "differs"),
    [
        (controller(), controller("a2c"), "controller is"),
        (controller(), controller(epochs=200), "epochs is 100 there, 200 here"),
        (controller(), controller(classes=3), "classes is 10 there, 3 here"),
        (controller(), controller(classes=None), "classes is 10 there, None here"),
        (RewindFlood(epochs=9), RewindFlood(epochs=9, fraction=0.7), "fraction is 0.8 there, 0.7 here"),
        (RewindFlood(epochs=9), RewindFlood(epochs=9, release=0.5), "release is"),
        (ConstantFlood(0.3), ConstantFlood(0.2), "constant is 0.3 there, 0.2 here"),
        (BackwardFlood(0.3), BackwardFlood(0.3, threshold=0.1), "threshold is 0.0001 there, 0.1 here"),
        (BackwardFlood(0.3), BackwardFlood(0.2), "target is"),
        (AdaptiveFlood(), AdaptiveFlood(maximum=1.0), "maximum is 0.5 there, 1.0 here"),
        (TrackingFlood(), TrackingFlood(0.5), "fraction is 0.7 there, 0.5 here"),
        (PiecewiseFlood(0.3, epochs=9), PiecewiseFlood(0.3, epochs=9, factor=0.1), "factor is"),
        (PiecewiseFlood(0.3, epochs=9), PiecewiseFlood(0.3, epochs=9, milestones=(0.1,)), "milestones is"),
        (ReplayFlood([0.1, 0.2]), ReplayFlood([0.1, 0.3]), "levels_digest is"),
    ],
)
def test_settings_that_differ_are_named_and_nothing_changes(
    made: FloodScheduler, other: FloodScheduler, differs: str
) -> None:
    state, before = json.loads(json.dumps(stepped(made))), other.state_dict()
    with pytest.raises(ValueError, match=f"made otherwise: .*{differs}"):
        other.load_state_dict(state)
    assert other.state_dict() == before


def test_a_controller_is_told_by_what_it_decides_not_by_its_provenance() -> None:
    files = {name: Controller.load(file) for name, file in shipped_controllers().items()}
    assert len({file.fingerprint for file in files.values()}) == len(files)
    known = files["default"]
    renamed = Controller(known.spec, known.layers, known.activation, {"made by": "somebody"}, known.lstm)
    assert renamed.fingerprint == known.fingerprint


def test_a_state_of_another_version_or_of_none_is_refused() -> None:
    state = stepped(TrackingFlood())
    with pytest.raises(ValueError, match="version 1, this rlflood reads 2"):
        TrackingFlood().load_state_dict(state | {"version": 1})
    del state["version"]
    with pytest.raises(ValueError, match="version None"):
        TrackingFlood().load_state_dict(state)


# on to another length


def test_a_run_goes_on_longer_where_that_is_said() -> None:
    state = stepped(controller(epochs=100), 60)
    longer = controller(epochs=200)
    with pytest.raises(ValueError, match=r"say so: load_state_dict\(state, epochs=200\)"):
        longer.load_state_dict(state)
    longer.load_state_dict(state, epochs=200)
    extended = controller(epochs=100)
    extended.load_state_dict(state, epochs=200)
    assert longer.epochs == extended.epochs == 200
    # 20 decisions: one every tenth epoch now; those of the first 60 epochs are over
    assert longer.state_dict() == extended.state_dict()
    assert longer.state_dict()["control"]["decided"] == 7
    for _ in range(140):
        assert longer.step(**GOOD) == extended.step(**GOOD)
    assert longer.state_dict()["control"]["decided"] == 20


def test_going_on_to_the_same_length_changes_nothing() -> None:
    scheduler, again = controller(epochs=100), controller(epochs=100)
    again.load_state_dict(stepped(scheduler, 33), epochs=100)
    assert again.state_dict() == scheduler.state_dict()


def test_rules_go_on_longer_too() -> None:
    piecewise = PiecewiseFlood(0.4, epochs=4)
    state = stepped(piecewise, 3)
    assert piecewise.level == pytest.approx(0.1)
    piecewise.load_state_dict(state, epochs=8)
    assert [piecewise.step(**GOOD) for _ in range(3)] == pytest.approx([0.2, 0.2, 0.1])
    rewind = RewindFlood(epochs=4)
    rewind.load_state_dict(stepped(RewindFlood(epochs=4)), epochs=50)
    assert rewind.epochs == 50


def test_a_length_that_cannot_be_is_refused() -> None:
    state = stepped(RewindFlood(epochs=9), 5)
    for epochs in (4, 0, -1):
        with pytest.raises(ValueError, match="has seen 5 already"):
            RewindFlood(epochs=9).load_state_dict(state, epochs=epochs)
    with pytest.raises(TypeError, match="not told the length"):
        TrackingFlood().load_state_dict(stepped(TrackingFlood()), epochs=9)


# damage


def entries(state: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in state.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from entries(value, (*path, name))


def within(state: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        state = state[name]
    return state


@pytest.mark.parametrize("name", ["default", "recurrent-ppo"])
def test_an_entry_that_is_missing_or_wrong_anywhere_is_a_value_error_and_changes_nothing(name: str) -> None:
    state = stepped(controller(name, epochs=9), 4)
    paths = list(entries(state))
    assert ("control", "observer", "turning_point", "turned") in paths
    for path in paths:
        missing, text = copy.deepcopy(state), copy.deepcopy(state)
        del within(missing, path)[path[-1]]
        within(text, path)[path[-1]] = "x"
        surplus = copy.deepcopy(state)
        within(surplus, path)["more"] = 1
        # a memory that is not there yet may become anything
        unclear = within(state, path)[path[-1]] is None
        if path == ("history",):  # those of version 0.1 have none
            missing = text
        for damaged in (missing, surplus) if unclear else (missing, text, surplus):
            scheduler = controller(name, epochs=9)
            before = scheduler.state_dict()
            with pytest.raises(ValueError):
                scheduler.load_state_dict(damaged)
            assert scheduler.state_dict() == before, path


@pytest.mark.parametrize("epoch", [-1, 2.5, None, [1]])
def test_an_epoch_is_a_whole_number(epoch: Any) -> None:
    with pytest.raises(ValueError, match="damaged"):
        TrackingFlood().load_state_dict(stepped(TrackingFlood()) | {"epoch": epoch})


# runs that are left


def held_run(scheduler: FloodScheduler, epochs: int) -> None:
    """A network that memorises from the third epoch on, in somebody's own loop."""
    for epoch in range(epochs):
        scheduler(torch.tensor(0.5))
        loss = 0.5 + 0.2 * abs(epoch - 2)
        scheduler.step(train_loss=0.5 / (epoch + 1), train_acc=0.9, val_loss=loss, val_acc=0.7)


def test_held_says_whether_a_network_is_held_up() -> None:
    scheduler = RewindFlood(epochs=20)
    assert not scheduler.held
    held_run(scheduler, 6)
    assert scheduler.held
    held_run(scheduler, 14)
    assert scheduler.epoch == 20 and not scheduler.held
    assert ConstantFlood([0.0, 0.1]).held and not ConstantFlood([0.0, 0.0]).held


def test_a_run_that_is_left_while_it_is_held_is_noticed() -> None:
    scheduler = RewindFlood(epochs=20)
    held_run(scheduler, 6)
    with pytest.warns(UserWarning, match="left after 6 of 20 epochs, held at a level of 0.1"):
        del scheduler
        gc.collect()


def test_a_run_that_ends_or_is_not_held_or_is_not_ones_own_loop_is_left_in_peace() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended, free, unused = (RewindFlood(epochs=20) for _ in range(3))
        held_run(ended, 20)
        held_run(free, 3)
        for _ in range(6):
            unused.step(**GOOD)
        del ended, free, unused
        gc.collect()
