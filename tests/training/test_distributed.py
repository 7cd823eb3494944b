from pathlib import Path

import pytest
import torch
from torch import distributed

from tests.training.ddp_process import HOLDS, train
from tests.two_processes import states_of_two_processes

FILE = Path(__file__).with_name("ddp_process.py")


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="PyTorch was built without gloo")
def test_two_processes_give_what_one_gives(tmp_path):
    """Flooded by the loss of the whole batch: their own losses may lie on both sides of the level."""
    found = states_of_two_processes(FILE, tmp_path)
    for number, hold in enumerate(HOLDS):
        alone = train(hold)
        for parts in (rank[number] for rank in found):
            torch.testing.assert_close(parts["metrics"], alone["metrics"], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(parts["changed"], alone["changed"], equal_nan=True)
            torch.testing.assert_close(parts["weights"], alone["weights"], rtol=1e-4, atol=1e-5)
