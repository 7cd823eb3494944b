"""Many wrong labels and many mini-batches: ELR, its strength and the flood level set by a controller."""

import torch
from sklearn.datasets import load_digits
from torch import nn

import rlflood

EPOCHS, TRAIN, BATCH = 20, 500, 20
images, labels = load_digits(return_X_y=True)
torch.manual_seed(0)
order = torch.randperm(len(labels))
x, y = torch.tensor(images / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]
test = slice(TRAIN + 200, None)
wrong = torch.rand(TRAIN + 200) < 0.4
seen = torch.where(wrong, (y[: TRAIN + 200] + torch.randint(1, 10, (TRAIN + 200,))) % 10, y[: TRAIN + 200])
val_x, val_y = x[TRAIN : TRAIN + 200], seen[TRAIN:]


def test_accuracy(scheduler: rlflood.FloodScheduler, strength: float | None = None) -> float:
    """Train under ELR; the accuracy of the average of the weights on clean labels."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = rlflood.RobustLoss("elr", scheduler, samples=TRAIN, classes=10, strength=strength)
    average, best = rlflood.WeightAverage(model, scheduler), rlflood.BestWeights(model)
    meter = rlflood.Meter(scheduler)
    for _ in range(EPOCHS):
        for index in torch.randperm(TRAIN).split(BATCH):
            logits = model(x[index])
            criterion(logits, seen[index], index).backward()
            meter.add(criterion.cross_entropy, logits, seen[index])
            optimizer.step()
            optimizer.zero_grad()
            average.update()
        with torch.no_grad():
            logits = model(val_x)
        meter.validate(nn.functional.cross_entropy(logits, val_y), logits, val_y)
        metrics = meter.step()
        best.step(val_acc=float(metrics.val_acc), val_loss=float(metrics.val_loss))
        if scheduler.returns:
            best.put_back()
    with torch.no_grad():
        return (average.module(x[test]).argmax(1) == y[test]).float().mean().item()


plain = test_accuracy(rlflood.ConstantFlood(0.0), strength=0.0)
steered = test_accuracy(rlflood.load_controller("robust", epochs=EPOCHS, classes=10))
print(f"test accuracy, 40 % of labels wrong: {plain:.1%} by cross-entropy, {steered:.1%} under robust")
