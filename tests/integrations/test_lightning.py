"""The callback in Lightning's own loop, beside a plain loop of PyTorch."""

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import rlflood
from rlflood.errors import InputError, RlfloodWarning

lightning = pytest.importorskip("pytorch_lightning")
from rlflood.integrations.lightning import FloodCallback  # noqa: E402

EPOCHS, CLASSES = 12, 3
pytestmark = pytest.mark.filterwarnings("ignore::pytorch_lightning.utilities.warnings.PossibleUserWarning")


def data(seed: int, samples: int) -> TensorDataset:
    """Clusters with four labels in ten at random: a network that is let go on overfits."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(CLASSES, (samples,), generator=rng)
    x = torch.randn(samples, 8, generator=rng) + functional.one_hot(y, 8)
    wrong = torch.rand(samples, generator=rng) < 0.4
    return TensorDataset(x, torch.where(wrong, torch.randint(CLASSES, (samples,), generator=rng), y))


TRAIN, VAL = DataLoader(data(0, 60), batch_size=16), DataLoader(data(1, 40), batch_size=40)


class Net(lightning.LightningModule):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, CLASSES))
        self.seen: list[float] = []

    def training_step(self, batch: Any, number: int) -> Any:
        x, y = batch
        logits = self.net(x)
        return {"loss": functional.cross_entropy(logits, y), "logits": logits, "targets": y}

    def validation_step(self, batch: Any, number: int) -> Any:
        return self.training_step(batch, number)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.02)


def scheduler() -> rlflood.HoldFlood:
    return rlflood.HoldFlood()


class Levels(lightning.Callback):  # type: ignore[misc,name-defined]
    """What the framework's loggers get."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.logged.append({k: float(v) for k, v in trainer.callback_metrics.items()})


def trainer(folder: Path, *callbacks: Any, **options: Any) -> Any:
    settings: dict[str, Any] = {"max_epochs": EPOCHS, "enable_checkpointing": False, **options}
    return lightning.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, callbacks=list(callbacks), **settings,
    )  # fmt: skip


def plain_loop(accumulated: int = 1, epochs: int = EPOCHS) -> tuple[nn.Module, nn.Module, list[Any]]:
    """The network, its average, and of each epoch the level, and the share of the batches that went up."""
    module = Net()
    model, steering = module.net, scheduler()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    average, best = rlflood.WeightAverage(model, steering), rlflood.BestWeights(model)
    levels = []
    for _ in range(epochs):
        losses, hits, samples, up = 0.0, 0, 0, 0
        for number, (x, y) in enumerate(TRAIN, start=1):
            logits = model(x)
            loss = functional.cross_entropy(logits, y)
            flooded = steering(loss, parts=accumulated)
            up += int(torch.autograd.grad(flooded, loss, retain_graph=True)[0] < 0)
            (flooded / accumulated).backward()
            if number % accumulated == 0 or number == len(TRAIN):
                optimizer.step()
                optimizer.zero_grad()
                average.update()
            losses, samples = losses + loss.item() * len(y), samples + len(y)
            hits += int((logits.argmax(1) == y).sum())
        x, y = next(iter(VAL))
        with torch.no_grad():
            logits = model(x)
        validation = {
            "val_loss": functional.cross_entropy(logits, y).item(),
            "val_acc": (logits.argmax(1) == y).double().mean().item(),
        }
        levels.append((steering.level, up / len(TRAIN)))
        steering.step(train_loss=losses / samples, train_acc=hits / samples, **validation)
        best.step(**validation)
        if steering.returns:
            best.put_back()
    return model, average.module, levels


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("accumulated", [1, 2])
def test_it_does_what_a_plain_loop_does(tmp_path: Path, accumulated: int) -> None:
    flooding, watch, model = FloodCallback(scheduler()), Levels(), Net()
    fit = trainer(tmp_path, flooding, watch, accumulate_grad_batches=accumulated)
    fit.fit(model, TRAIN, VAL)
    network, average, levels = plain_loop(accumulated)
    assert max(levels)[0] > 0, "it floods"
    for number, name in enumerate(("flood_level", "ascended")):
        expected = [epoch[number] for epoch in levels]
        assert [one[name] for one in watch.logged] == pytest.approx(expected, rel=1e-4)
    assert_same(model.net, network)
    assert flooding.average is not None
    assert_same(flooding.average.module.net, average)
    assert "training_step" not in vars(model), "the module is left as it was"


def test_a_resumed_fit_is_one_that_never_stopped(tmp_path: Path) -> None:
    whole = FloodCallback(scheduler())
    model = Net()
    trainer(tmp_path, whole).fit(model, TRAIN, VAL)

    checkpoint = lightning.callbacks.ModelCheckpoint(tmp_path / "kept", save_last=True)
    first = FloodCallback(scheduler())
    trainer(tmp_path, first, checkpoint, max_epochs=7, enable_checkpointing=True).fit(Net(), TRAIN, VAL)
    second, resumed = FloodCallback(scheduler()), Net()
    trainer(tmp_path, second).fit(
        resumed, TRAIN, VAL, ckpt_path=tmp_path / "kept" / "last.ckpt", weights_only=True
    )
    assert second.scheduler.state_dict() == whole.scheduler.state_dict()
    assert_same(resumed.net, model.net)
    assert whole.average is not None and second.average is not None
    assert_same(second.average.module.net, whole.average.module.net)


def test_an_epoch_without_validation_is_no_stale_one(tmp_path: Path) -> None:
    """Validation every third epoch: what it said last is not said again."""
    steering = scheduler()
    told: list[Any] = []
    real = steering.step
    steering.step = lambda **named: told.append(named["val_loss"]) or real(**named)  # type: ignore[method-assign,func-returns-value,assignment]
    trainer(tmp_path, FloodCallback(steering), max_epochs=6, check_val_every_n_epoch=3).fit(Net(), TRAIN, VAL)
    assert [value is None for value in told] == [True, True, False, True, True, False]


def test_the_sanity_check_does_not_count(tmp_path: Path) -> None:
    flooding, model = FloodCallback(scheduler()), Net()
    trainer(tmp_path, flooding, max_epochs=1, num_sanity_val_steps=-1).fit(model, TRAIN, VAL)
    x, y = next(iter(VAL))
    with torch.no_grad():
        trained = functional.cross_entropy(model.net(x), y).item()
    assert flooding.scheduler.history.val_loss == pytest.approx([trained])


def test_the_average_of_lightning_beside_ours_is_warned_of(tmp_path: Path) -> None:
    """It changes what is validated, and nothing else."""
    ours = []
    for beside in ([], [lightning.callbacks.WeightAveraging()]):
        flooding = FloodCallback(rlflood.ConstantFlood(0.9))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RlfloodWarning)
            trainer(tmp_path, flooding, *beside, max_epochs=4).fit(Net(), TRAIN, VAL)
        told = [str(one.message) for one in caught if one.category is RlfloodWarning]
        assert [text[:32] for text in told] == ["WeightAveraging beside flooding:"] * len(beside)
        assert flooding.average is not None and flooding.scheduler.history.train_loss[-1] > 0
        ours.append((flooding.average.module.net, flooding.scheduler.history))
    assert_same(ours[0][0], ours[1][0])
    assert ours[0][1].train_loss == pytest.approx(ours[1][1].train_loss)
    assert ours[0][1].val_loss != pytest.approx(ours[1][1].val_loss), "that of its average"


def test_evaluation_is_not_flooded(tmp_path: Path) -> None:
    model, watch = Net(), FloodCallback(rlflood.ConstantFlood(5.0))
    fit = trainer(tmp_path, watch, max_epochs=1)
    fit.fit(model, TRAIN, VAL)
    assert watch.meter.metrics is not None
    assert watch.meter.metrics.val_loss < 5 and watch.meter.metrics.train_loss < 5, "both are raw"
    before = copy.deepcopy(model.state_dict())
    fit.validate(model, VAL, verbose=False)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name])
    with pytest.raises(InputError, match="counted no batch"):
        watch.meter.step()


class Bare(Net):
    def training_step(self, batch: Any, number: int) -> Any:
        return super().training_step(batch, number)["loss"]


class Manual(Net):
    automatic_optimization = False


class Vector(Net):
    def training_step(self, batch: Any, number: int) -> Any:
        output = super().training_step(batch, number)
        x, y = batch
        return {**output, "loss": functional.cross_entropy(self.net(x), y, reduction="none")}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Bare, 'let it return {"loss": loss, "logits": logits, "targets": y}'),
        (Manual, "automatic_optimization = False"),
        (Vector, 'reduction="mean"'),
    ],
)
def test_what_cannot_be_flooded_is_refused(tmp_path: Path, model: type[Net], message: str) -> None:
    one = model()
    if model is Manual:
        one.automatic_optimization = False
    with pytest.raises(InputError, match=message):
        trainer(tmp_path, FloodCallback(scheduler()), max_epochs=1).fit(one, TRAIN, VAL)


def test_a_scheduler_of_the_validation_needs_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="HoldFlood goes by the validation, and there is none"):
        trainer(tmp_path, FloodCallback(scheduler()), max_epochs=1).fit(Net(), TRAIN)
    trainer(tmp_path, FloodCallback(rlflood.ConstantFlood(0.2)), max_epochs=1).fit(Net(), TRAIN)


class Plateau(Net):
    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "raw_train_loss"}}


def test_patience_and_another_length_are_warned_of(tmp_path: Path) -> None:
    early = lightning.callbacks.EarlyStopping("raw_train_loss", patience=50, check_on_train_epoch_end=True)
    steering = rlflood.RewindFlood(epochs=30)
    with pytest.warns(RlfloodWarning) as caught:
        trainer(tmp_path, FloodCallback(steering), early, max_epochs=2).fit(Plateau(), TRAIN, VAL)
    told = [str(one.message) for one in caught if issubclass(one.category, RlfloodWarning)]
    assert any("plans for 30 epochs, and max_epochs is 2" in one for one in told)
    assert any("EarlyStopping and ReduceLROnPlateau beside flooding" in one for one in told)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RlfloodWarning)
        trainer(tmp_path, FloodCallback(scheduler()), max_epochs=2).fit(Net(), TRAIN, VAL)
