"""Few labels, some of them wrong, and none set apart: a controller that sees the training alone."""

import torch
from sklearn.datasets import load_digits
from torch import nn

import rlflood

EPOCHS, TRAIN = 100, 200
images, labels = load_digits(return_X_y=True)
torch.manual_seed(0)
order = torch.randperm(len(labels))
x, y = torch.tensor(images / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]
wrong = torch.rand(TRAIN) < 0.3
seen = torch.where(wrong, (y[:TRAIN] + torch.randint(1, 10, (TRAIN,))) % 10, y[:TRAIN])


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def test_accuracy(model: nn.Module) -> float:
    with torch.no_grad():
        return (model(x[TRAIN:]).argmax(1) == y[TRAIN:]).float().mean().item()


def plain() -> float:
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(EPOCHS):
        criterion(model(x[:TRAIN]), seen).backward()
        optimizer.step()
        optimizer.zero_grad()
    return test_accuracy(model)


def steered() -> float:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = rlflood.load_controller("blind", epochs=EPOCHS, classes=10)
    criterion = rlflood.RobustLoss("elr", scheduler, samples=TRAIN, classes=10)
    average, meter = rlflood.WeightAverage(model, scheduler), rlflood.Meter(scheduler)
    for _ in range(EPOCHS):
        logits = model(x[:TRAIN])
        criterion(logits, seen, torch.arange(TRAIN)).backward()
        meter.add(criterion.cross_entropy, logits, seen)
        optimizer.step()
        optimizer.zero_grad()
        average.update()
        meter.step()
    return test_accuracy(average.module)


print(f"test accuracy of all {TRAIN} labels: {plain():.1%} trained plainly, {steered():.1%} under blind")
