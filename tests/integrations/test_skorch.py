"""The classifier in skorch's own loop, beside a plain loop of PyTorch, and in scikit-learn's tools."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn
from torch.nn import functional

import rlflood
from rlflood.errors import InputError
from rlflood.schedulers import FloodScheduler

skorch = pytest.importorskip("skorch")
from skorch.helper import predefined_split  # noqa: E402

from rlflood.integrations.skorch import FloodNet  # noqa: E402

EPOCHS, CLASSES = 12, 3


class Module(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, CLASSES))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.net(X)  # type: ignore[no-any-return]


def data(seed: int, samples: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=samples)
    x = rng.standard_normal((samples, 8)) + np.eye(8)[y]
    wrong = rng.random(samples) < 0.4
    return x.astype(np.float32), np.where(wrong, rng.integers(CLASSES, size=samples), y)


X, Y = data(0, 60)
VAL = skorch.dataset.Dataset(*data(1, 40))


def net(**options: Any) -> FloodNet:
    settings: dict[str, Any] = {
        "max_epochs": EPOCHS, "optimizer": torch.optim.Adam, "lr": 0.02, "batch_size": 16, "verbose": 0,
        "train_split": predefined_split(VAL), **options,
    }  # fmt: skip
    return FloodNet(Module, **settings)


def test_it_does_what_a_plain_loop_does() -> None:
    fitted = net().fit(X, Y)
    model, steering = Module(), rlflood.HoldFlood()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    average, best = rlflood.WeightAverage(model, steering), rlflood.BestWeights(model)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    val_x, val_y = (torch.from_numpy(part) for part in data(1, 40))
    levels, losses, shares = [], [], []
    for _ in range(EPOCHS):
        raw, hits, up = 0.0, 0, 0
        for xs, ys in zip(x.split(16), y.split(16), strict=True):
            logits = model(xs)
            loss = functional.cross_entropy(logits, ys)
            optimizer.zero_grad()
            flooded = steering(loss)
            up += int(torch.autograd.grad(flooded, loss, retain_graph=True)[0] < 0)
            flooded.backward()
            optimizer.step()
            average.update()
            raw, hits = raw + loss.item() * len(ys), hits + int((logits.argmax(1) == ys).sum())
        with torch.no_grad():
            logits = model(val_x)
        validation = {
            "val_loss": functional.cross_entropy(logits, val_y).item(),
            "val_acc": (logits.argmax(1) == val_y).double().mean().item(),
        }
        levels.append(steering.level)
        shares.append(up / 4)
        losses.append(raw / 60)
        steering.step(train_loss=raw / 60, train_acc=hits / 60, **validation)
        best.step(**validation)
        if np.any(steering.returns):
            best.put_back()
    assert max(levels) > 0, "it floods"
    assert fitted.history[:, "flood_level"] == pytest.approx(levels, rel=1e-4)
    assert fitted.history[:, "ascended"] == pytest.approx(shares)
    assert fitted.history[:, "raw_train_loss"] == pytest.approx(losses, rel=1e-4)
    assert fitted.history[:, "train_loss"] == pytest.approx(losses, rel=1e-4), "skorch is told the raw loss"
    for mine, theirs in zip(fitted.module_.parameters(), average.module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_each_fit_has_a_scheduler_of_its_own_and_partial_fit_goes_on() -> None:
    one = net(max_epochs=4)
    one.fit(X, Y)
    first = one.flood_scheduler_
    one.partial_fit(X, Y)
    assert one.flood_scheduler_ is first and first is not None and first.epoch == 8
    one.fit(X, Y)
    assert one.flood_scheduler_ is not first
    other = clone(one)
    assert not hasattr(other, "flood_scheduler_")
    assert other.fit(X, Y).flood_scheduler_.epoch == 4


def constant(epochs: int, classes: int) -> FloodScheduler:
    assert (epochs, classes) == (4, CLASSES)
    return rlflood.ConstantFlood(0.5)


def far_above(epochs: int, classes: int) -> FloodScheduler:
    return rlflood.ConstantFlood(50.0)


def test_a_search_over_schedulers() -> None:
    search = GridSearchCV(net(max_epochs=4, train_split=skorch.dataset.ValidSplit(3)), {
        "flood": ["default", constant], "average": [True, False],
    }, cv=2, error_score="raise")  # fmt: skip
    search.fit(X, Y)
    assert search.best_estimator_.history[-1]["ascended"] >= 0
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert search.predict(X).shape == Y.shape


def test_without_a_validation_split_only_what_needs_none() -> None:
    with pytest.raises(InputError, match="HoldFlood goes by the validation, and train_split=None"):
        net(train_split=None).fit(X, Y)
    with pytest.raises(InputError, match="for elr, and FloodNet trains with a plain loss"):
        net(train_split=None, flood="blind").fit(X, Y)
    fitted = net(train_split=None, max_epochs=4, flood=constant).fit(X, Y)
    assert fitted.history[:, "flood_level"] == [0.5] * 4


def test_an_optimizer_that_asks_for_several_gradients_a_batch_gets_flooded_ones() -> None:
    """It calls train_step_single as often as it likes."""
    high = net(optimizer=torch.optim.LBFGS, optimizer__max_iter=4, max_epochs=1, flood=far_above)
    low = net(optimizer=torch.optim.LBFGS, optimizer__max_iter=4, max_epochs=1, flood="hold")
    assert high.fit(X, Y).history[0, "ascended"] == 1 and low.fit(X, Y).history[0, "ascended"] == 0
    assert high.history[0, "valid_loss"] > low.history[0, "valid_loss"], "it went up, the other down"


def test_evaluation_is_not_flooded() -> None:
    fitted = net(max_epochs=1, flood=far_above).fit(X, Y)
    assert fitted.history[0, "train_loss"] < 50 and fitted.history[0, "valid_loss"] < 50, "both are raw"


def test_a_loss_that_is_no_mean_is_refused() -> None:
    with pytest.raises(InputError, match='reduction="mean"'):
        net(criterion__reduction="none", max_epochs=4).fit(X, Y)
