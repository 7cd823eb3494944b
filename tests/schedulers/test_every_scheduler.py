"""What holds for every scheduler: replicas are independent, runs resume, training loops work."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

import rlflood
from rlflood import schedulers
from rlflood.metrics import Metrics
from rlflood.schedulers import (
    AdaptiveFlood,
    BackwardFlood,
    ConstantFlood,
    DynamicFlood,
    FloodScheduler,
    HoldFlood,
    PiecewiseFlood,
    PolicyScheduler,
    ReplayFlood,
    RewindFlood,
    TrackingFlood,
)

MAKERS: dict[str, Callable[[], FloodScheduler]] = {
    "constant": lambda: ConstantFlood(0.3),
    "backward": lambda: BackwardFlood(0.3, threshold=0.2),
    "adaptive": AdaptiveFlood,
    "dynamic": DynamicFlood,
    "tracking": TrackingFlood,
    "piecewise": lambda: PiecewiseFlood(0.4, epochs=6),
    "rewind": lambda: RewindFlood(epochs=6),
    "hold": HoldFlood,
    "hold, by accuracy": lambda: HoldFlood(1.0, turn="accuracy", returning=False),
    "replay": lambda: ReplayFlood([0.0, 0.2, 0.4, 0.1, 0.3]),
}
every_scheduler = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())

few_examples = settings(max_examples=40)  # of each of the schedulers

History = NDArray[np.float64]
"""The metrics of a run: shape ``(epochs, 4, replicas)``."""


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Runs of one to four replicas in which thresholds are met, missed and hit exactly, and some diverge."""
    epochs, replicas = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    losses = st.sampled_from([0.0, 0.1, 0.2, 1.0, np.nan, np.inf]) | st.floats(0, 5)
    accuracies = st.sampled_from([1.0, 0.9, 0.9 + 0.004, 0.9 - 0.004, np.nan]) | st.floats(0, 1)
    loss, accuracy = (st.lists(v, min_size=replicas, max_size=replicas) for v in (losses, accuracies))
    epoch = st.tuples(loss, accuracy, loss, accuracy)
    history = np.array(draw(st.lists(epoch, min_size=epochs, max_size=epochs)))
    # an accuracy may be missing only where its loss is
    for row in (0, 2):
        lacking = np.isnan(history[:, row + 1]) & np.isfinite(history[:, row])
        history[:, row + 1] = np.where(lacking, 0.5, history[:, row + 1])
    return history


def levels_of(scheduler: FloodScheduler, history: History) -> NDArray[np.float64]:
    """The level after each epoch: shape ``(epochs, replicas)``, or ``(epochs,)`` for one run of floats."""
    levels = [scheduler.step(Metrics(*epoch)) for epoch in history]
    return np.array(levels).reshape(len(history), *np.shape(history)[2:])


def test_no_scheduler_is_missing_here_or_in_the_package() -> None:
    public = {getattr(schedulers, name) for name in schedulers.__all__}
    rules = {kind for kind in public if isinstance(kind, type)} - {FloodScheduler, PolicyScheduler}
    assert {type(make()) for make in MAKERS.values()} == rules, "name the new one in MAKERS"
    assert set(schedulers.__all__) <= set(rlflood.__all__), "name the new one in rlflood/__init__.py"


@every_scheduler
@few_examples
@given(history=histories())
def test_replicas_are_steered_as_if_alone(make: Callable[[], FloodScheduler], history: History) -> None:
    together = levels_of(make(), history)
    for replica in range(history.shape[-1]):
        alone = levels_of(make(), history[:, :, replica].tolist())
        np.testing.assert_array_equal(together[:, replica], alone)


@every_scheduler
@few_examples
@given(history=histories(), data=st.data())
def test_a_replica_that_diverges_leaves_the_others_alone(
    make: Callable[[], FloodScheduler], history: History, data: st.DataObject
) -> None:
    replica = data.draw(st.integers(0, history.shape[-1] - 1))
    broken = history.copy()
    broken[data.draw(st.integers(0, len(history) - 1)) :, :, replica] = np.nan
    others = np.arange(history.shape[-1]) != replica
    levels = levels_of(make(), broken)
    np.testing.assert_array_equal(levels[:, others], levels_of(make(), history)[:, others])
    assert np.isfinite(levels).all()
    assert (levels >= 0).all()


@every_scheduler
@few_examples
@given(history=histories())
def test_one_that_needs_no_validation_does_the_same_without(
    make: Callable[[], FloodScheduler], history: History
) -> None:
    scheduler = make()
    training = [{"train_loss": epoch[0], "train_acc": epoch[1]} for epoch in history]
    if scheduler.needs_validation:
        with pytest.raises(TypeError, match="missing"):
            scheduler.step(**training[0])
        return
    levels = np.array([scheduler.step(**epoch) for epoch in training])
    np.testing.assert_array_equal(levels, levels_of(make(), history))


def as_it_is(state: dict[str, Any]) -> dict[str, Any]:
    return state


def through_json(state: dict[str, Any]) -> dict[str, Any]:
    back: dict[str, Any] = json.loads(json.dumps(state))
    return back


def through_torch(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    back: dict[str, Any] = torch.load(file, weights_only=True)
    return back


@every_scheduler
@few_examples
@given(history=histories(), carried=st.sampled_from([as_it_is, through_json, through_torch]), data=st.data())
def test_a_run_resumes_anywhere_bit_for_bit(
    make: Callable[[], FloodScheduler],
    history: History,
    carried: Callable[[dict[str, Any]], dict[str, Any]],
    data: st.DataObject,
) -> None:
    stop = data.draw(st.integers(0, len(history)))
    if data.draw(st.booleans()):
        history = history[:, :, 0]  # one run of floats
    uninterrupted, first, second = make(), make(), make()
    expected = levels_of(uninterrupted, history)[stop:]
    levels_of(first, history[:stop])
    second.load_state_dict(carried(first.state_dict()))
    np.testing.assert_array_equal(second.level, first.level)
    assert second.epoch == stop
    np.testing.assert_array_equal(levels_of(second, history[stop:]), expected)
    assert repr(second.state_dict()) == repr(uninterrupted.state_dict())


# in a training loop

EPOCHS = 25


def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Forty points in mini-batches of ten; a quarter of the labels cannot be learned from them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 4, generator=generator)
    y = (x[:, 0] > 0).long()
    y[::4] = 1 - y[::4]
    yield from zip(x.split(10), y.split(10), strict=True)


def train(flooded: Callable[[torch.Tensor], torch.Tensor], step: Callable[..., Any]) -> list[float]:
    """The loop of the guide; gives the unflooded training loss of each epoch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    criterion = nn.CrossEntropyLoss()
    history = []
    for _ in range(EPOCHS):
        losses, hits = [], []
        for x, y in batches():
            output = model(x)
            raw = criterion(output, y)
            loss = flooded(raw)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(raw.detach())
            hits.append((output.argmax(1) == y).float().mean())
        train_loss, accuracy = torch.stack(losses).mean(), torch.stack(hits).mean()
        # that the validation metrics are the training ones does not matter here
        step(train_loss=train_loss, train_acc=accuracy, val_loss=train_loss, val_acc=accuracy)
        history.append(train_loss.item())
    return history


@every_scheduler
def test_a_training_loop_runs_as_if_flooding_were_written_out(make: Callable[[], FloodScheduler]) -> None:
    scheduler, bystander = make(), make()
    steered = train(scheduler, scheduler.step)
    by_hand = train(
        lambda loss: (loss - float(bystander.level)).abs() + float(bystander.level), bystander.step
    )
    np.testing.assert_allclose(steered, by_hand, rtol=1e-5)
    np.testing.assert_allclose(scheduler.level, bystander.level, rtol=1e-5)
    assert scheduler.epoch == EPOCHS


def test_flooding_keeps_the_training_loss_up() -> None:
    free, flooded = ConstantFlood(0.0), ConstantFlood(0.3)
    assert train(free, free.step)[-1] < 0.2
    assert all(loss > 0.25 for loss in train(flooded, flooded.step))
