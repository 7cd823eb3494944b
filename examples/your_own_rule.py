"""A scheduler of one's own: nothing until the validation loss has risen, then half of its best."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import rlflood
from rlflood.metrics import Metrics, Values

EPOCHS = 100


class HalfOfBest(rlflood.FloodScheduler):
    """Holds the loss at a share of the best validation loss once that is behind."""

    _state = ("_best", "_passed")  # what changes in a run: saved and resumed
    _settings = ("share", "rise")  # what it was made with: a state fits no other

    def __init__(self, share: float = 0.5, rise: float = 0.1) -> None:
        super().__init__()
        self.share, self.rise = share, rise
        self._best: Values = np.inf
        self._passed: Values = False

    def _next_level(self, metrics: Metrics) -> Values:
        self._best = np.fmin(self._best, metrics.val_loss)
        self._passed = self._passed | (metrics.val_loss > (1 + self.rise) * self._best)
        return np.where(self._passed, self.share * self._best, 0.0)


images, labels = load_digits(return_X_y=True)
torch.manual_seed(0)
order = torch.randperm(len(labels))
x, y = torch.tensor(images / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]
wrong = torch.rand(600) < 0.2
seen = torch.where(wrong, (y[:600] + torch.randint(1, 10, (600,))) % 10, y[:600])
criterion = nn.CrossEntropyLoss()


def test_accuracy(scheduler: rlflood.FloodScheduler) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    meter = rlflood.Meter(scheduler)
    for _ in range(EPOCHS):
        logits = model(x[:400])
        meter(criterion(logits, seen[:400]), logits, seen[:400]).backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            logits = model(x[400:600])
        meter.validate(criterion(logits, seen[400:]), logits, seen[400:])
        meter.step()
    return (model(x[600:]).argmax(1) == y[600:]).float().mean().item()


plain, ruled = test_accuracy(rlflood.ConstantFlood(0.0)), test_accuracy(HalfOfBest())
print(f"test accuracy after the last epoch: {plain:.1%} without flooding, {ruled:.1%} under HalfOfBest")
