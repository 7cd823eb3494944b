"""A controller in a training loop of one's own: digits, a fifth of whose labels are wrong."""

import torch
from sklearn.datasets import load_digits
from torch import nn

import rlflood

EPOCHS = 100
images, labels = load_digits(return_X_y=True)
torch.manual_seed(0)
order = torch.randperm(len(labels))
x, y = torch.tensor(images / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]
wrong = torch.rand(600) < 0.2
seen = torch.where(
    wrong, (y[:600] + torch.randint(1, 10, (600,))) % 10, y[:600]
)  # of training and validation
criterion = nn.CrossEntropyLoss()


def measured(model: nn.Module, part: slice) -> tuple[float, float]:
    """Loss and accuracy by the labels that are seen."""
    with torch.no_grad():
        logits = model(x[part])
    return criterion(logits, seen[part]).item(), (logits.argmax(1) == seen[part]).float().mean().item()


def test_accuracy(scheduler: rlflood.FloodScheduler) -> float:
    """Train a network under a scheduler; its accuracy on clean labels after the last epoch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(EPOCHS):
        train_loss, train_acc = measured(model, slice(400))
        loss = scheduler(criterion(model(x[:400]), seen[:400]))  # floods the loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        val_loss, val_acc = measured(model, slice(400, 600))
        scheduler.step(train_loss=train_loss, train_acc=train_acc, val_loss=val_loss, val_acc=val_acc)
    with torch.no_grad():
        return (model(x[600:]).argmax(1) == y[600:]).float().mean().item()


plain = test_accuracy(rlflood.ConstantFlood(0.0))
steered = test_accuracy(rlflood.load_controller("default", epochs=EPOCHS, classes=10))
print(f"test accuracy after the last epoch: {plain:.1%} without flooding, {steered:.1%} under the controller")
