"""The best weights of a person's own loop against those of a trainer."""

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rlflood.best_weights import BestWeights
from rlflood.training.averaging import Best
from rlflood.weight_average import WeightAverage


def set_to(model: nn.Module, value: float) -> None:
    nn.init.constant_(model.weight, value)  # type: ignore[arg-type]


def network() -> nn.Linear:
    return nn.Linear(1, 1, bias=False)


SCORES = st.tuples(st.sampled_from([0.0, 0.5, 0.75]), st.sampled_from([0.1, 0.2, 3.0, math.nan, math.inf]))


@settings(max_examples=50)
@given(st.lists(SCORES, min_size=1, max_size=10))
def test_they_are_those_that_a_trainer_keeps(scores: list[tuple[float, float]]) -> None:
    model = network()
    best = BestWeights(model)
    theirs = Best({"weight": model.weight.detach()[None]}, 1)
    for number, (accuracy, loss) in enumerate(scores):
        set_to(model, number)
        better = best.step(val_acc=accuracy, val_loss=torch.tensor(loss))
        theirs.keep(np.array([accuracy]), np.array([loss]))
        assert bool(best.weights) == theirs.known[0]
        if better:
            assert best.weights["weight"].item() == number
        if best.weights:
            assert best.weights["weight"].equal(theirs.weights["weight"][0])
    set_to(model, -1)
    assert best.put_back() == theirs.known[0]
    assert model.weight.item() == (theirs.weights["weight"].item() if theirs.known[0] else -1)


def test_the_weights_put_back_are_a_copy() -> None:
    model = network()
    place = model.weight.data_ptr()
    best = BestWeights(model)
    set_to(model, 2)
    assert best.step(val_acc=0.5, val_loss=1.0)
    for _ in range(2):
        set_to(model, 9)
        assert best.put_back()
        assert model.weight.item() == 2
    assert model.weight.data_ptr() == place, "where the optimizer and captured graphs look for them"


def test_they_go_through_a_save() -> None:
    model = network()
    best = BestWeights(torch.compile(model, backend="eager"))
    set_to(model, 2)
    best.step(val_acc=0.5, val_loss=1.0)
    file = io.BytesIO()
    torch.save(best.state_dict(), file)
    file.seek(0)
    other = network()
    again = BestWeights(other)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert not again.step(val_acc=0.5, val_loss=1.0)
    again.put_back()
    assert other.weight.item() == 2
    assert list(again.weights) == ["weight"], "of the network within, not of the compiled one"


def test_the_best_average_is_kept_too() -> None:
    model = network()
    average = WeightAverage(model)
    best = BestWeights(average.module)
    for value, accuracy in ((2.0, 0.1), (4.0, 0.8), (9.0, 0.5)):
        set_to(model, value)
        average.update()
        best.step(val_acc=accuracy, val_loss=1.0)
    assert average.module.weight.item() == pytest.approx(5)
    best.put_back()
    assert average.module.weight.item() == 3
