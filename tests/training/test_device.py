import pytest
import torch

from rlflood.errors import InputError
from rlflood.training import PopulationTrainer, Task
from rlflood.training.device import resolve_device


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_processor_is_always_there(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "cuda:999", "meta", "hpu", "vulkan"])
def test_what_is_not_there_is_an_input_error_of_one_line(device):
    with pytest.raises(InputError, match=r"cannot train on the device .*use 'cpu'") as caught:
        resolve_device(device)
    assert "\n" not in str(caught.value)


def test_the_trainer_asks():
    with pytest.raises(InputError, match="cannot train on the device 'gpu'"):
        PopulationTrainer([Task()], [0], [0], device="gpu")
