"""The classifier by scikit-learn's own checks, beside a plain loop of PyTorch, and in others' tools."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn
from torch.nn import functional

import rlflood
from rlflood.errors import InputError
from rlflood.integrations.scikit_learn import FloodClassifier
from rlflood.schedulers import FloodScheduler

EPOCHS, FEATURES, CLASSES = 30, 8, 3
QUICK: dict[str, Any] = {"epochs": 8, "batch_size": 64, "learning_rate": 0.05, "random_state": 0}


# one of the checks skips itself wherever SCIPY_ARRAY_API is not set before SciPy is imported: that of arrays
# which are not NumPy's, which this classifier does not claim to take
@parametrize_with_checks([FloodClassifier((16,), **QUICK), FloodClassifier((16,), flood="blind", **QUICK)])
def test_it_is_an_estimator(estimator: FloodClassifier, check: Any) -> None:
    check(estimator)


def data(seed: int = 0, samples: int = 80) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=samples)
    x = rng.standard_normal((samples, FEATURES)) + np.eye(FEATURES)[y]
    wrong = rng.random(samples) < 0.4
    return x, np.where(wrong, rng.integers(CLASSES, size=samples), y)


X, Y = data()


class Module(nn.Module):
    """Begins at the same weights each time, and keeps what it was last called on in each mode.

    In double precision, as Adam would make much of the last bits of sums in another order.
    """

    seen: ClassVar[dict[bool, torch.Tensor]] = {}

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        weights = torch.Generator().manual_seed(0)
        self.net = nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, classes))
        for weight in self.net.parameters():
            weight.data = 0.3 * torch.randn(weight.shape, generator=weights, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen[self.training] = x.detach()
        return self.net(x)  # type: ignore[no-any-return]


def rows_seen(training: bool) -> list[int]:
    """Where in ``X`` the rows are that the network was last called on."""
    same = (Module.seen[training][:, None] == torch.from_numpy(X)[None]).all(dim=2)
    assert same.sum(dim=1).eq(1).all()
    return same.int().argmax(dim=1).tolist()


@pytest.mark.parametrize("flood", ["hold", "robust", "blind"])
@pytest.mark.parametrize("average", [True, False])
def test_it_does_what_a_plain_loop_does(flood: str, average: bool) -> None:
    Module.seen.clear()
    # the full batch: the same sums in whatever order the samples come, but not if ELR mixed them up
    options: dict[str, Any] = {
        "epochs": EPOCHS,
        "batch_size": 1000,
        "learning_rate": 0.05,
        "standardise": False,
    }
    fitted = FloodClassifier(module=Module, flood=flood, average=average, random_state=0, **options).fit(X, Y)
    train = rows_seen(training=True)
    val = rows_seen(training=False) if flood != "blind" else []
    assert sorted(train + val) == list(range(len(X)))

    model = Module(FEATURES, CLASSES)
    steering: FloodScheduler = rlflood.HoldFlood()
    robust = None
    if flood != "hold":
        steering = rlflood.load_controller(flood, epochs=EPOCHS, classes=CLASSES)
        robust = rlflood.RobustLoss("elr", steering, samples=len(train), classes=CLASSES)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    mean = rlflood.WeightAverage(model, steering, over=1)
    best = rlflood.BestWeights(model)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    levels, losses, shares = [], [], []
    for _ in range(EPOCHS):
        logits = model(x[train])
        plain = functional.cross_entropy(logits, y[train])
        loss = steering(plain) if robust is None else robust(logits, y[train], torch.arange(len(train)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean.update()
        told = {
            "train_loss": plain.item(),
            "train_acc": (logits.argmax(1) == y[train]).double().mean().item(),
        }
        levels.append(steering.level)
        losses.append(plain.item())
        if val:
            with torch.no_grad():
                logits = model(x[val])
            told["val_loss"] = functional.cross_entropy(logits, y[val]).item()
            told["val_acc"] = (logits.argmax(1) == y[val]).double().mean().item()
            best.step(val_loss=told["val_loss"], val_acc=told["val_acc"])
        steering.step(**told)
        shares.append(steering.ascended)
        if np.any(steering.returns):
            best.put_back()
    assert max(levels) > 0, "it floods"
    assert [epoch["flood_level"] for epoch in fitted.history_] == pytest.approx(levels, rel=1e-5)
    assert [epoch["ascended"] for epoch in fitted.history_] == shares
    assert {0.0, 1.0} >= set(shares), "one batch is the whole"
    assert [epoch["raw_train_loss"] for epoch in fitted.history_] == pytest.approx(losses, rel=1e-5)
    network = mean.module if average else model
    for mine, theirs in zip(fitted.network_.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        expected = network(x).softmax(1).numpy()
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)
    assert fitted.score(X, Y) == (fitted.predict_proba(X).argmax(1) == Y).mean()


def test_a_fifth_of_each_class_is_for_validation_where_the_scheduler_goes_by_it() -> None:
    options: dict[str, Any] = {"module": Module, "epochs": 1, "batch_size": 1000, "standardise": False}
    fitted = FloodClassifier(**options, random_state=0).fit(X, Y)
    val = Y[rows_seen(training=False)]
    assert len(val) == 16
    assert abs(np.bincount(val) - np.bincount(Y) / 5).max() < 1
    for share in (0.2, 0, None):
        fitted.set_params(flood="blind", validation_fraction=share).fit(X, Y)
        assert sorted(rows_seen(training=True)) == list(range(len(X))), "trains on all"
    for none in (0, None):
        with pytest.raises(
            InputError, match=f"HoldFlood goes by the validation, and validation_fraction={none}"
        ):
            FloodClassifier(**options, validation_fraction=none).fit(X, Y)


def test_a_class_of_one_sample_is_trained_on() -> None:
    y = np.where(np.arange(len(X)) == 7, "rare", np.where(X[:, 0] > 0, "high", "low"))
    x = X + 20 * (y == "rare")[:, None]
    fitted = FloodClassifier((32,), **QUICK).fit(x, y)
    assert list(fitted.classes_) == ["high", "low", "rare"]
    assert fitted.predict(x)[7] == "rare"
    with pytest.raises(InputError, match="n_samples=3 of 3 classes leave none"):
        FloodClassifier().fit(X[5:8], ["a", "b", "c"])


def test_features_are_standardised_by_what_is_trained_on() -> None:
    scales = np.array([1e6, 1e-6, 1, 1, 1, 1, 1, 1])
    x = np.column_stack([X, np.full(len(X), 7.0)])
    apart, alike = x * [*scales, 1] + 5, x
    options = {**QUICK, "flood": "blind"}
    one, other = (
        FloodClassifier((16,), **options).fit(alike, Y),
        FloodClassifier((16,), **options).fit(apart, Y),
    )
    np.testing.assert_allclose(one.predict_proba(alike), other.predict_proba(apart), atol=1e-3)
    np.testing.assert_allclose(one.scaler_.mean_, x.mean(axis=0))
    far = np.where(np.arange(9) == 2, 1e300, apart[:1])
    assert np.isfinite(other.predict_proba(far)).all()


def test_a_seed_gives_the_same_network_and_leaves_pytorch_s_generator_alone() -> None:
    def dropping(features: int, classes: int) -> nn.Module:
        return nn.Sequential(nn.Linear(features, 16), nn.Dropout(0.5), nn.Linear(16, classes))

    before = torch.random.get_rng_state()
    one = FloodClassifier(module=dropping, **QUICK).fit(X, Y)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    again = clone(one).fit(X, Y)
    other = clone(one).set_params(random_state=1).fit(X, Y)
    assert np.array_equal(one.predict_proba(X), again.predict_proba(X))
    assert not np.allclose(one.predict_proba(X), other.predict_proba(X))


def test_batches_are_of_nearly_equal_size() -> None:
    def normalised(features: int, classes: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm1d(features), nn.Linear(features, classes))

    # 65 samples in batches of 64: a second batch of one would have no variance
    fitted = FloodClassifier(module=normalised, flood="blind", **QUICK).fit(X[:65], Y[:65])
    assert fitted.predict_proba(X[:1]).shape == (1, CLASSES)


def level(epochs: int, classes: int) -> FloodScheduler:
    assert (epochs, classes) == (8, 3)
    return rlflood.ConstantFlood(0.3)


def test_a_search_over_a_pipeline() -> None:
    x, y = load_iris(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(MinMaxScaler(), FloodClassifier((16,), **QUICK))
    search = GridSearchCV(
        pipeline, {"floodclassifier__flood": ["hold", "default", level]}, cv=2, error_score="raise"
    ).fit(x, y)
    assert search.best_score_ > 0.8
    assert set(search.predict(x)) == {"setosa", "versicolor", "virginica"}
    assert cross_val_score(FloodClassifier((16,), **QUICK), x, y, cv=2).min() > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs takes whole numbers from 1 on: got 0"),
        ({"batch_size": 2.5}, "batch_size takes whole numbers"),
        ({"hidden_layer_sizes": (8, -1)}, r"hidden_layer_sizes takes whole numbers from 1 on: got \(8, -1\)"),
        ({"learning_rate": 0.0}, "learning_rate is above 0"),
        ({"validation_fraction": 1.0}, "validation_fraction is at least 0 and below 1"),
        ({"flood": "robost"}, "did you mean robust"),
        ({"module": nn.Linear(8, 3)}, "module is what makes a network"),
        (
            {"module": lambda features, classes: nn.Linear(features, 5)},
            r"\(samples, classes\).*got \(\d+, 5\)",
        ),
        ({"module": lambda features, classes: nn.LSTM(features, classes)}, "got tuple"),
        ({"learning_rate": 1e30}, "training has diverged: take a learning_rate below 1e\\+30"),
    ],
)
def test_what_cannot_be_used_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FloodClassifier(**{**QUICK, **options}).fit(X, Y)


def test_labels_of_one_class_are_told() -> None:
    with pytest.raises(InputError, match="y has one class, yes: a classifier needs two or more"):
        FloodClassifier().fit(X, ["yes"] * len(X))


def test_one_hidden_layer_and_none() -> None:
    assert len(FloodClassifier(16, **QUICK).fit(X, Y).network_) == 3
    assert len(FloodClassifier((), **QUICK).fit(X, Y).network_) == 1


def test_cleanlab_finds_wrong_labels_by_it() -> None:
    classification = pytest.importorskip("cleanlab.classification")
    rng = np.random.default_rng(0)
    true = rng.integers(CLASSES, size=200)
    x = rng.standard_normal((200, 4)) + 4 * np.eye(4)[true]
    wrong = np.arange(200) < 20
    given = np.where(wrong, (true + 1) % CLASSES, true)
    cleaning = classification.CleanLearning(FloodClassifier((16,), **QUICK), seed=0).fit(x, given)
    found = cleaning.get_label_issues()["is_label_issue"].to_numpy()
    assert found[wrong].mean() > 0.7 and found[~wrong].mean() < 0.1
    assert (cleaning.predict(x) == true).mean() > 0.9
