"""A folder for each page, with the files that its examples are about."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from rlflood.experiments.methods import METHODS
from tests.docs.programs import new_accelerator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The present folder, with a person's own data; nothing that a page registers stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlflood.experiments.methods.registry.METHODS", dict(METHODS))
    if find_spec("matplotlib") is not None:
        # half of the time goes into rendering, which the tests of the figures look at
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **_: file.write(b"drawn"))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = (x[:, 0] > 0).astype(int)
    np.savez("mine.npz", x=x, y=y)
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{label}" for (a, b, c), label in zip(x, y, strict=True)]
    Path("mine.csv").write_text("\n".join(["height,width,depth,label", *lines]) + "\n")
    torch.manual_seed(0)
    with new_accelerator():
        yield tmp_path
