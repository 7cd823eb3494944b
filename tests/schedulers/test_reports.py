"""What `step` is told: what it refuses, what it takes for a slip, what it warns of."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rlflood
from rlflood.holding import Hold
from rlflood.metrics import Metrics
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
from rlflood.schedulers.reports import NEVER_BELOW, SEVERAL

GOOD: dict[str, Any] = {"train_loss": 0.5, "train_acc": 0.8, "val_loss": 0.6, "val_acc": 0.7}
UNVALIDATED = {"val_loss": None, "val_acc": None}


def default(epochs: int = 40, **options: Any) -> FloodScheduler:
    return rlflood.load_controller("default", epochs=epochs, classes=2, **options)


# what cannot be


@pytest.mark.parametrize("name", ["train_acc", "val_acc"])
@pytest.mark.parametrize("percent", [81.0, 1.2, np.array([0.5, 70.0])])
def test_an_accuracy_in_percent_is_an_error_that_names_the_factor(name: str, percent: Any) -> None:
    scheduler = TrackingFlood()
    told = {key: value * np.ones(np.shape(percent)) for key, value in GOOD.items()} | {name: percent}
    with pytest.raises(ValueError, match=rf"{name} is .* share from 0 to 1\. .* divide them by 100"):
        scheduler.step(**told)
    assert scheduler.epoch == 0, "nothing has changed"


@pytest.mark.parametrize(("name", "value"), [("val_acc", -0.1), ("train_loss", -0.3), ("val_loss", -1e9)])
def test_a_metric_below_its_range_is_an_error(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is "):
        default().step(**GOOD | {name: value})
    with pytest.raises(ValueError, match=f"{name} is "):
        default().step(Metrics(**GOOD | {name: value}))


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_accuracy_is_finite_where_its_loss_is(split: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{split}_acc is .* where {split}_loss is"):
        default().step(**GOOD | {f"{split}_acc": value})
    # a network that has diverged has neither, or guesses
    default().step(**GOOD | {f"{split}_loss": np.nan, f"{split}_acc": value})
    default().step(**GOOD | {f"{split}_loss": np.nan})


def test_rounding_beyond_the_range_is_no_error() -> None:
    scheduler = AdaptiveFlood()
    scheduler.step(**GOOD | {"train_acc": torch.tensor(1.0) + 2e-7, "train_loss": -1e-9})
    assert scheduler.epoch == 1


def test_which_metrics_may_be_none() -> None:
    for wrong in ({"train_loss": None}, {"train_acc": None}, {"val_loss": None}, {"val_acc": None}):
        with pytest.raises(TypeError, match="None"):
            TrackingFlood().step(**GOOD | wrong)
    left_out = {name: GOOD[name] for name in ("train_loss", "train_acc")}
    with pytest.raises(TypeError, match=r"\['val_loss', 'val_acc'\] missing"):
        TrackingFlood().step(**left_out)


# slips and losses


def run_that_turns(length: int) -> list[dict[str, float]]:
    """A network that learns for ten epochs and then memorises."""
    epochs = []
    for epoch in range(length):
        train = 0.7 * 0.85**epoch
        val = 0.4 + 0.03 * abs(epoch - 10)
        epochs.append(
            {"train_loss": train, "train_acc": 1 - train / 2, "val_loss": val, "val_acc": 1 - val / 2}
        )
    return epochs


@pytest.mark.parametrize("make", [default, lambda: RewindFlood(epochs=40), TrackingFlood])
@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
@pytest.mark.parametrize("slip", [np.nan, np.inf])
@pytest.mark.parametrize("when", [0, 3, 9])
def test_one_value_that_is_not_finite_decides_nothing(make: Any, name: str, slip: float, when: int) -> None:
    scheduler, told = make(), run_that_turns(12)
    told[when] |= {name: slip}
    levels = [scheduler.step(**epoch) for epoch in told]
    if not isinstance(scheduler, TrackingFlood):
        assert levels == [0.0] * 12, "it has not turned"
    assert np.isfinite(levels).all()


def test_a_slip_leaves_no_trace_where_the_metrics_stand_still() -> None:
    spared, hit = default(), default()
    for epoch in range(30):
        spared.step(**GOOD)
        hit.step(**GOOD | ({"val_loss": np.nan, "val_acc": np.nan} if epoch % 5 == 4 else {}))
    assert hit.state_dict()["control"] == spared.state_dict()["control"]


@pytest.mark.parametrize("make", [default, lambda: RewindFlood(epochs=40)])
def test_several_in_a_row_are_believed(make: Any) -> None:
    for lost in range(1, SEVERAL + 2):
        scheduler = make()
        for epoch in run_that_turns(11):
            scheduler.step(**epoch)
        for _ in range(lost):
            scheduler.step(train_loss=0.1, train_acc=0.9, val_loss=np.nan, val_acc=np.nan)
        part = scheduler.state_dict()
        turn = part["turn"] if "turn" in part else part["control"]["observer"]["turning_point"]
        assert turn["turned"] == [lost >= SEVERAL]


def test_a_run_without_a_finite_loss_has_nothing_to_turn_from() -> None:
    scheduler = RewindFlood(epochs=30)
    for _ in range(10):
        scheduler.step(train_loss=0.4, train_acc=0.5, val_loss=np.nan, val_acc=np.nan)
    assert [scheduler.step(**epoch) for epoch in run_that_turns(12)] == [0.0] * 12


def test_the_loss_of_guessing_is_taken_from_the_first_validation_that_is_finite() -> None:
    late, early = (rlflood.load_controller("default", epochs=40) for _ in range(2))
    late.step(**GOOD | {"val_loss": np.nan, "val_acc": np.nan})
    for scheduler in (late, early):
        scheduler.step(**GOOD | {"val_loss": 2.3})
    scales = [scheduler.state_dict()["control"]["observer"]["scale"] for scheduler in (late, early)]
    assert scales == [[2.3], [2.3]]


# epochs without validation


@pytest.mark.parametrize("make", [default, lambda: RewindFlood(epochs=40), AdaptiveFlood, TrackingFlood])
def test_without_validation_the_level_stays_and_the_clock_counts(make: Any) -> None:
    scheduler, held = make(), False
    for number, epoch in enumerate(run_that_turns(36)):
        before = scheduler.level
        if number % 3:
            assert scheduler.step(**epoch | UNVALIDATED) == before
            held = held or before > 0
        else:
            scheduler.step(**epoch)
        assert scheduler.epoch == number + 1
    assert held or isinstance(scheduler, AdaptiveFlood)


def test_a_controller_that_is_validated_now_and_then_decides_by_the_clock() -> None:
    scheduler = default(epochs=40)  # 20 decisions, one every second epoch
    for number, epoch in enumerate(run_that_turns(40)):
        scheduler.step(**epoch if number % 7 == 0 else epoch | UNVALIDATED)
        control = scheduler.state_dict()["control"]
        if number % 7 == 0:
            assert control["observer"]["epoch"] == number + 1
            assert control["decided"] == min((number + 1) // 2 + 1, 20), (
                "missed decisions are not made up for"
            )


def test_a_best_epoch_gets_its_train_loss_from_the_next_one_validated_or_not() -> None:
    scheduler = RewindFlood(epochs=100)
    scheduler.step(train_loss=0.6, train_acc=0.7, val_loss=0.5, val_acc=0.8)
    scheduler.step(train_loss=0.4, train_acc=0.8, **UNVALIDATED)
    assert scheduler.step(train_loss=0.1, train_acc=1.0, val_loss=0.9, val_acc=0.7) == pytest.approx(0.32)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConstantFlood(0.3),
        lambda: PiecewiseFlood(0.4, epochs=6),
        lambda: ReplayFlood([0.1, 0.2, 0.3, 0.0]),
        lambda: BackwardFlood(0.3, threshold=0.2),
    ],
)
def test_rules_that_do_not_look_at_the_validation_need_none(make: Any) -> None:
    validated, unvalidated = make(), make()
    for train_loss in (0.5, 0.3, 0.1, 0.4, 0.2, 0.1):
        told = GOOD | {"train_loss": train_loss}
        assert unvalidated.step(**told | UNVALIDATED) == validated.step(**told)


# what a person should hear of


def epochs_of(scheduler: FloodScheduler, batches: Any, *, number: int, flooded: bool) -> None:
    """Train for some epochs on batches with these losses, and report the mean of one kind or the other."""
    for _ in range(number):
        raw = torch.tensor(batches)
        returned = torch.stack([scheduler(loss) for loss in raw])
        train_loss = (returned if flooded else raw).mean(dim=0)
        told = {name: value * torch.ones_like(train_loss) for name, value in GOOD.items()}
        scheduler.step(**told | {"train_loss": train_loss})


@pytest.mark.parametrize("batches", [[0.15, 0.3, 0.1], [[0.15, 0.1], [0.3, 0.5], [0.1, 0.2]]])
@pytest.mark.parametrize("hold", [Hold(), Hold(batches=8, ascent=0.25)])
def test_flooded_losses_reported_as_train_losses_are_noticed_once(batches: Any, hold: Hold) -> None:
    scheduler = ConstantFlood(0.2 * np.ones(np.shape(batches)[1:]), hold=hold)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs_of(scheduler, batches, number=NEVER_BELOW - 1, flooded=True)
    with pytest.warns(UserWarning, match="Report the loss before the scheduler's call"):
        epochs_of(scheduler, batches, number=1, flooded=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs_of(scheduler, batches, number=2 * NEVER_BELOW, flooded=True)


@pytest.mark.parametrize("batches", [[0.15, 0.3, 0.25], [0.3, 0.4], [float("inf"), 0.1], [float("nan"), 0.1]])
@pytest.mark.parametrize("hold", [Hold(), Hold(batches=8, ascent=0.25)])
def test_raw_losses_whose_mean_stays_above_the_level_are_not_taken_for_flooded_ones(
    batches: Any, hold: Hold
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epochs_of(ConstantFlood(0.2, hold=hold), batches, number=3 * NEVER_BELOW, flooded=False)


def test_no_loss_is_called_flooded_on_the_word_of_its_mean_alone() -> None:
    scheduler = ConstantFlood(0.2)  # as where rlflood.flood is called with its level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3 * NEVER_BELOW):
            scheduler.step(**GOOD | {"train_loss": 0.21})


def test_flooded_losses_are_noticed_as_soon_as_a_batch_tells_them_apart() -> None:
    scheduler = ConstantFlood(0.2)
    epochs_of(scheduler, [0.3, 0.4], number=2 * NEVER_BELOW, flooded=True)
    with pytest.warns(UserWarning, match="Report the loss before the scheduler's call"):
        epochs_of(scheduler, [0.1, 0.4], number=1, flooded=True)


def test_raw_losses_are_below_the_level_now_and_then_and_nothing_is_said() -> None:
    scheduler = ConstantFlood(0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for epoch in range(3 * NEVER_BELOW):
            scheduler.step(**GOOD | {"train_loss": 0.19 if epoch == NEVER_BELOW - 1 else 0.21})
        for _ in range(3 * NEVER_BELOW):  # without flooding there is nothing to notice
            TrackingFlood(0.0).step(**GOOD)


def test_more_epochs_than_it_was_told_of_are_noticed_once() -> None:
    scheduler = RewindFlood(epochs=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            scheduler.step(**GOOD)
    with pytest.warns(UserWarning, match="told of 5 epochs, and this is epoch 6"):
        scheduler.step(**GOOD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step(**GOOD)


# the losses of samples


@pytest.mark.parametrize(
    "make", [lambda: ConstantFlood(0.1), AdaptiveFlood, TrackingFlood, lambda: RewindFlood(epochs=9), default]
)
def test_a_vector_of_losses_is_refused_unless_replicas_were_declared(make: Any) -> None:
    for losses in (torch.ones(64), torch.ones(1)):
        with pytest.raises(ValueError, match=r"reduction='mean'.*replicas"):
            make()(losses)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConstantFlood([0.1] * 3),
        lambda: AdaptiveFlood(replicas=3),
        lambda: TrackingFlood(replicas=3),
        lambda: RewindFlood(epochs=9, replicas=3),
        lambda: default(replicas=3),
        lambda: rlflood.load_controller("default", epochs=9, classes=np.array([2, 3, 4])),
    ],
)
def test_declared_replicas_have_a_loss_each(make: Any) -> None:
    scheduler = make()
    assert scheduler.level.shape == (3,)
    assert scheduler(torch.ones(3)).shape == (3,)
    for wrong in (torch.ones(()), torch.ones(2)):
        with pytest.raises(ValueError, match=r"must have shape \(3,\)"):
            scheduler(wrong)
    scheduler.step(**{name: np.full(3, value) for name, value in GOOD.items()})


def test_replicas_must_fit_the_levels() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        TrackingFlood(replicas=0)
    with pytest.raises(ValueError, match="does not fit"):
        rlflood.load_controller("default", epochs=9, classes=np.array([2, 3]), replicas=3)


# any floats, any order

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64) | st.sampled_from(
    [0.0, 0.5, 1.0, np.nan, np.inf, -np.inf, -1e-12, 1 + 1e-9, 1e308]
)
VALUES = st.none() | FLOATS | st.floats(0, 1)
MAKERS = {
    "default": lambda: default(replicas=2),
    "untold": lambda: rlflood.load_controller("default", epochs=6, replicas=2),
    "rewind": lambda: RewindFlood(epochs=6, replicas=2),
    "tracking": lambda: TrackingFlood(replicas=2),
    "adaptive": lambda: AdaptiveFlood(replicas=2),
    "backward": lambda: BackwardFlood([0.2, 0.3]),
    "piecewise": lambda: PiecewiseFlood([0.2, 0.3], epochs=6),
}


@st.composite
def told_to_one(draw: st.DrawFn) -> tuple[float | None, ...]:
    """Four values for one replica, mostly ones that can be."""
    loss, accuracy = st.sampled_from([0.1, 0.4, 2.0, np.nan]), st.sampled_from([0.2, 0.9, 1.0])
    if draw(st.booleans()):
        return tuple(draw(VALUES) for _ in range(4))
    return draw(loss), draw(accuracy), draw(loss | st.none()), draw(accuracy)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@settings(max_examples=60)
@given(history=st.lists(st.tuples(told_to_one(), st.sampled_from([0.1, 0.3, 0.9])), max_size=9))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_it_is_told_levels_stay_finite_and_the_neighbour_is_not_moved(
    make: Any, history: Any
) -> None:
    scheduler, undisturbed = make(), make()
    for (train_loss, train_acc, val_loss, val_acc), other in history:
        if val_loss is None or val_acc is None:
            val = {"val_loss": val_loss, "val_acc": val_acc}
            neighbours = dict.fromkeys(val)
        else:
            val = {"val_loss": [val_loss, other], "val_acc": [val_acc, 0.5]}
            neighbours = {"val_loss": [0.4, other], "val_acc": [0.5, 0.5]}
        told = {"train_loss": train_loss, "train_acc": train_acc, **val}
        for name, value in (("train_loss", other), ("train_acc", 0.5)):
            told[name] = None if told[name] is None else [told[name], value]
        before = repr(scheduler.state_dict())
        try:
            level = scheduler.step(**told)
        except (TypeError, ValueError):
            assert repr(scheduler.state_dict()) == before, "refused whole"
            continue
        expected = undisturbed.step(train_loss=[0.4, other], train_acc=[0.5, 0.5], **neighbours)
        assert np.isfinite(level).all() and (level >= 0).all()
        assert level[1] == expected[1]
