import pytest
import torch

from rlflood.cli.options import cores, machine_of
from rlflood.errors import InputError


def test_all_cores_are_used_if_no_threads_are_given():
    assert machine_of("cpu", "float32", None).threads == cores()
    assert machine_of("cpu", "float32", 3).threads == 3


def test_threads_beside_a_gpu_are_refused(monkeypatch):
    monkeypatch.setattr("rlflood.training.machine.resolve_device", lambda device: torch.device("cuda"))
    with pytest.raises(InputError, match="--threads is for training on the processor, not on cuda: leave it"):
        machine_of("cuda", "float32", 2)
    assert machine_of("cuda", "float32", None).device == "cuda"
