import pytest
import torch

from rlflood.errors import InputError
from rlflood.training import Machine, PopulationTrainer, Task
from rlflood.training.machine import resolve_device


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_processor_is_always_there(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "cuda:999", "meta", "hpu", "vulkan"])
def test_what_is_not_there_is_an_input_error_of_one_line(device):
    with pytest.raises(InputError, match=r"cannot train on the device .*use 'cpu'") as caught:
        Machine(device).check()
    assert "\n" not in str(caught.value)


def test_a_machine_says_what_its_words_stand_for():
    machine = Machine()
    assert machine.check() is machine
    assert machine.torch_device == torch.device("cpu") and machine.on_cpu and not machine.on_gpu
    assert machine.number_format == "float32"
    assert Machine(precision="auto").number_format in {"float32", "bfloat16"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"precision": "float8"}, "unknown precision 'float8'"), ({"precision": "tf32"}, "NVIDIA's GPUs")],
)
def test_a_precision_that_is_not_to_be_had_is_an_input_error(wrong, message):
    with pytest.raises(InputError, match=message):
        Machine(**wrong).check()


def test_there_is_a_thread():
    with pytest.raises(InputError, match="threads must be 1 or more: got 0"):
        Machine(threads=0)


def test_the_trainer_asks():
    with pytest.raises(InputError, match="cannot train on the device 'gpu'"):
        PopulationTrainer([Task()], [0], [0], machine=Machine("gpu"))
