"""The program of the page on timm, beside a plain loop of PyTorch with timm's network alone."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import rlflood
from tests.docs import programs

timm = pytest.importorskip("timm")

EPOCHS = 12


def plain_loop(scheduler: rlflood.FloodScheduler) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The network, and the average of its weights; mixup, losses and the learning rate are written out."""
    torch.manual_seed(0)
    np.random.seed(0)
    x, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    x = x.float().reshape(-1, 1, 8, 8) / 16
    y = torch.where(torch.rand(len(y)) < 0.3, torch.randint(10, y.shape), y)
    loader = DataLoader(TensorDataset(x[:320], y[:320]), batch_size=32, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[320:680], y[320:680]), batch_size=360)
    model = timm.create_model("test_resnet", num_classes=10, in_chans=1)
    flat = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": flat, "weight_decay": 0.0},
        {"params": [p for p in model.parameters() if p.dim() > 1]},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.01, weight_decay=0.01)
    average, best = rlflood.WeightAverage(model, scheduler, over=20), rlflood.BestWeights(model)
    for epoch in range(EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = 0.5 * 0.01 * (1 + math.cos(math.pi * epoch / EPOCHS))
        model.train()
        losses, hits = 0.0, 0
        for xs, ys in loader:
            np.random.rand()  # whether to mix: always
            share = np.random.beta(0.1, 0.1)
            xs = xs * share + xs.flip(0) * (1 - share)
            hot = functional.one_hot(ys, 10).float()
            target = hot * share + hot.flip(0) * (1 - share)
            logits = model(xs)
            loss = -(target * logits.log_softmax(1)).sum(1).mean()
            scheduler(loss).backward()
            optimizer.step()
            optimizer.zero_grad()
            average.update()
            losses, hits = losses + loss.item(), hits + int((logits.argmax(1) == target.argmax(1)).sum())
        model.eval()
        ((xs, ys),) = val_loader  # which draws a number for its workers, as the program's does
        with torch.no_grad():
            logits = model(xs)
        validation = {
            "val_loss": functional.cross_entropy(logits, ys).item(),
            "val_acc": int((logits.argmax(1) == ys).sum()) / 360,
        }
        scheduler.step(train_loss=losses / 10, train_acc=hits / 320, **validation)
        best.step(**validation)
        if scheduler.returns:
            best.put_back()
    return model, average.module


def test_the_program_does_what_a_plain_loop_does(tmp_path: Path) -> None:
    found, plain = programs.run("timm", tmp_path, {}), rlflood.HoldFlood()
    model, average = plain_loop(plain)
    history = found["scheduler"].history
    assert plain.level > 0 and plain.history.returns.any(), "it floods, and goes back to the best weights"
    for name in ("level", "train_loss", "train_acc", "val_loss", "val_acc"):
        assert getattr(history, name) == pytest.approx(getattr(plain.history, name), rel=1e-2), name
    x = torch.rand(20, 1, 8, 8)
    for mine, theirs in ((found["model"], model), (found["network"], average)):
        torch.testing.assert_close(mine.eval()(x), theirs.eval()(x), rtol=0.05, atol=0.05)


def test_mean_losses_of_timm_are_taken_as_they_are() -> None:
    from timm.loss import BinaryCrossEntropy, LabelSmoothingCrossEntropy

    logits, target = torch.randn(8, 10), torch.arange(8)
    for criterion in (LabelSmoothingCrossEntropy(0.1), BinaryCrossEntropy(0.1)):
        meter = rlflood.Meter(rlflood.ConstantFlood(9.0))
        loss = criterion(logits, target)
        assert meter(loss, logits, target).item() == pytest.approx(18 - loss.item())
        assert meter.step().train_loss == pytest.approx(loss.item())
