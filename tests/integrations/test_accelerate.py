"""The program of the page on Accelerate, beside a plain loop of PyTorch, resumed, and in two processes."""

import subprocess
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import distributed, nn
from torch.nn import functional

import rlflood
from rlflood.schedulers.history import History
from tests.docs import programs

pytest.importorskip("accelerate")

PAGE = "accelerate"
IN_ORDER = {"shuffle=True": "shuffle=False"}
EARLY = {
    "rlflood.HoldFlood(1.0, returning=False)": "rlflood.ConstantFlood(1.5, hold=rlflood.Hold(16, 0.25))",
    "lr=0.02": "lr=0.005",
}
"""It floods within a few epochs, and gently: what two processes round differently stays small."""


def plain_loop(
    scheduler: rlflood.FloodScheduler, epochs: int, size: int, lr: float
) -> tuple[nn.Module, list[float]]:
    """The network, and of each epoch the share of the parts that went up."""
    torch.manual_seed(0)
    x, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    x, y = x.float() / 16, torch.where(torch.rand(len(y)) < 0.3, torch.randint(10, y.shape), y)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    val_x, val_y, ascended = x[640:1000], y[640:1000], []

    def logits(inputs: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return model(inputs).float()  # type: ignore[no-any-return]

    for _ in range(epochs):
        losses, hits, up = 0.0, 0, 0
        batches = list(zip(x[:640].split(size), y[:640].split(size), strict=True))
        for number, (xs, ys) in enumerate(batches, start=1):
            found = logits(xs)
            loss = functional.cross_entropy(found, ys)
            flooded = scheduler(loss, parts=2)
            up += int(torch.autograd.grad(flooded, loss, retain_graph=True)[0] < 0)
            (flooded / 2).backward()
            if number % 2 == 0:
                optimizer.step()
                optimizer.zero_grad()
            losses, hits = losses + loss.item() * len(ys), hits + int((found.argmax(1) == ys).sum())
        with torch.no_grad():
            found = logits(val_x)
        scheduler.step(
            train_loss=losses / 640,
            train_acc=hits / 640,
            val_loss=functional.cross_entropy(found, val_y).item(),
            val_acc=int((found.argmax(1) == val_y).sum()) / 360,
        )
        ascended.append(up / len(batches))
    return model, ascended


def assert_same(mine: History, theirs: History, tolerance: float) -> None:
    for name in ("level", "train_loss", "train_acc", "val_loss", "val_acc"):
        found, expected = getattr(mine, name), getattr(theirs, name)
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance / 2), name


def test_the_program_does_what_a_plain_loop_does(tmp_path: Path) -> None:
    found = programs.run(PAGE, tmp_path, IN_ORDER)
    plain = rlflood.HoldFlood(1.0, returning=False)
    model, ascended = plain_loop(plain, 20, 32, 0.02)
    assert plain.level > 0 and ascended[-1] > 0, "it floods"
    assert_same(found["scheduler"].history, plain.history, 1e-5)
    assert found["scheduler"].ascended == pytest.approx(ascended[-1])
    for mine, theirs in zip(found["model"].parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    whole = programs.run(PAGE, tmp_path / "whole", EARLY | {"epochs = 20": "epochs = 6"})
    programs.run(PAGE, tmp_path / "stopped", EARLY | {"epochs = 20": "epochs = 3"})
    resumed = programs.run(PAGE, tmp_path / "stopped", EARLY | {"epochs = 20": "epochs = 6"})
    assert whole["scheduler"].state_dict() == resumed["scheduler"].state_dict()
    assert len(whole["scheduler"].history) == 6 and resumed["scheduler"].ascended > 0
    for name in ("model", "average"):
        for mine, theirs in zip(whole[name].parameters(), resumed[name].parameters(), strict=True):
            assert mine.equal(theirs)


def test_the_average_runs_with_its_own_weights(tmp_path: Path) -> None:
    """Accelerate puts a forward of its own into the model that is copied."""
    found = programs.run(PAGE, tmp_path, EARLY | {"epochs = 20": "epochs = 1"})
    x = torch.rand(5, 64)
    other = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    other.load_state_dict(found["average"].module.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        expected = other(x).float()
    assert found["network"](x).equal(expected)
    assert not found["model"](x).equal(expected)


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_are_one_with_batches_twice_as_large(tmp_path: Path) -> None:
    """The last batch of validation is filled up, and what fills it up does not count."""
    # fewer and larger steps: the level has to be higher to be reached
    changes = IN_ORDER | EARLY | {"epochs = 20": "epochs = 6", "1.5, hold": "2.0, hold"}
    command, environment = programs.torchrun(PAGE, tmp_path, changes)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found, plain = (rlflood.ConstantFlood(2.0, hold=rlflood.Hold(16, 0.25)) for _ in range(2))
    kept = torch.load(tmp_path / "checkpoint" / "custom_checkpoint_0.pkl", weights_only=True)
    found.load_state_dict(kept)
    _, ascended = plain_loop(plain, 6, 64, 0.005)
    assert max(ascended) > 0
    assert_same(found.history, plain.history, 0.02)
