"""The program of the page on mixed precision, accumulation and DDP, beside a loop without rlflood."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import distributed, nn
from torch.nn import functional
from torch.utils.data import DistributedSampler

import rlflood
from rlflood.schedulers.history import History
from tests.docs import programs

PAGE = "amp-accumulation-ddp"
LEVEL, BATCHES, ASCENT = 1.5, 16, 0.25
HOLD = f"rlflood.Hold({BATCHES}, {ASCENT})"
EARLY = {
    "rlflood.HoldFlood(1.0, returning=False)": f"rlflood.ConstantFlood({LEVEL}, hold={HOLD})",
    "lr=0.02": "lr=0.005",
}
"""It floods within a few epochs, and gently: what two processes round differently stays small."""


def plain_loop(epochs: int) -> list[tuple[float, ...]]:
    """Train loss, train accuracy, validation loss and validation accuracy of each epoch, and its ascents.

    The running mean and the side are worked out by hand: in float64, of the steps before.
    """
    torch.manual_seed(0)
    x, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    x, y = x.float() / 16, torch.where(torch.rand(len(y)) < 0.3, torch.randint(10, y.shape), y)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    order = DistributedSampler(range(640), 1, 0)  # type: ignore[arg-type,var-annotated]
    mean, steps, found = np.inf, 0, []
    for epoch in range(epochs):
        order.set_epoch(epoch)
        losses, hits, up = 0.0, 0, 0
        for step in torch.tensor(list(order)).split(64):
            parts = []
            for index in step.split(32):
                with torch.autocast("cpu", torch.bfloat16):
                    logits = model(x[index])
                    loss = functional.cross_entropy(logits, y[index])
                side = 1.0 if mean > LEVEL else -ASCENT
                (side * loss / 2).backward()
                parts.append(loss.item())
                up += side < 0
                hits += int((logits.argmax(1) == y[index]).sum())
            steps += 1
            new = float(np.mean(parts))
            mean = new if steps == 1 else mean + (new - mean) / min(steps, BATCHES)
            losses += sum(parts) * 32
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = model(x[640:1000])
        val_loss = functional.cross_entropy(logits.float(), y[640:1000]).item()
        val_hits = int((logits.argmax(1) == y[640:1000]).sum())
        found.append((losses / 640, hits / 640, val_loss, val_hits / 360, up / 20))
    return found


def told(history: History) -> list[tuple[float, ...]]:
    columns = (history.train_loss, history.train_acc, history.val_loss, history.val_acc)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_program_does_what_a_plain_loop_does(tmp_path: Path) -> None:
    found = programs.run(PAGE, tmp_path, EARLY | {"epochs, parts = 20, 2": "epochs, parts = 6, 2"})
    plain = plain_loop(6)
    assert any(0 < row[-1] < 1 for row in plain), "it goes up and down"
    assert found["scheduler"].ascended == pytest.approx(plain[-1][-1])
    np.testing.assert_allclose(told(found["scheduler"].history), [row[:4] for row in plain], rtol=1e-5)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    whole = programs.run(PAGE, tmp_path / "whole", EARLY | {"epochs, parts = 20": "epochs, parts = 6"})
    for until in (3, 6):
        resumed = programs.run(
            PAGE, tmp_path / "stopped", EARLY | {"epochs, parts = 20": f"epochs, parts = {until}"}
        )
    assert whole["scheduler"].state_dict() == resumed["scheduler"].state_dict()
    for name in ("model", "average"):
        for mine, theirs in zip(whole[name].parameters(), resumed[name].parameters(), strict=True):
            assert mine.equal(theirs)


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_under_torchrun_do_what_one_does(tmp_path: Path) -> None:
    command, environment = programs.torchrun(
        PAGE, tmp_path, EARLY | {"epochs, parts = 20": "epochs, parts = 6"}
    )
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    scheduler = rlflood.ConstantFlood(LEVEL, hold=rlflood.Hold(BATCHES, ASCENT))
    scheduler.load_state_dict(torch.load(tmp_path / "last.pt", weights_only=True)["scheduler"])
    plain = plain_loop(6)
    assert any(0 < row[-1] < 1 for row in plain)
    np.testing.assert_allclose(told(scheduler.history), [row[:4] for row in plain], rtol=0.02, atol=0.01)
