from functools import partial

import pytest
import torch

from rlflood.errors import InputError
from rlflood.training.precision import autocast, matrix_products, resolve_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_what_is_named_is_taken(device):
    assert resolve_precision("float32", device) == "float32"
    assert resolve_precision("bfloat16", device) == "bfloat16"


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, "float32"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx2": True}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bfloat16"),
    ],
)
def test_auto_asks_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", CPU) == expected


def test_auto_stays_with_float32_on_a_torch_that_cannot_tell(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", CPU) == "float32"


@pytest.mark.parametrize(("supported", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_asks_the_gpu_and_takes_no_emulation(monkeypatch, supported, expected):
    asked = []

    def is_bf16_supported(including_emulation=True):
        asked.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert resolve_precision("auto", CUDA) == expected
    assert asked == [False]


def test_an_unknown_precision_is_refused_and_not_run_as_another():
    with pytest.raises(
        InputError, match="unknown precision 'float8': use one of auto, float32, tf32, bfloat16"
    ):
        resolve_precision("float8", CPU)


def test_tf32_is_for_gpus():
    assert resolve_precision("tf32", CUDA) == "tf32"
    with pytest.raises(InputError, match="tf32 is a format of NVIDIA's GPUs, not of cpu"):
        resolve_precision("tf32", CPU)


@pytest.mark.parametrize("before", [False, True])
def test_tf32_products_are_switched_on_and_back(before, request):
    backend = torch.backends.cuda.matmul
    request.addfinalizer(partial(setattr, backend, "allow_tf32", backend.allow_tf32))
    backend.allow_tf32 = before
    with pytest.raises(RuntimeError, match="inside"), matrix_products("tf32"):
        assert torch.backends.cuda.matmul.allow_tf32
        raise RuntimeError("inside")
    assert torch.backends.cuda.matmul.allow_tf32 == before
    with matrix_products("bfloat16"):
        assert torch.backends.cuda.matmul.allow_tf32 == before


def test_autocast_changes_the_type_of_products_only_for_the_half_formats():
    x = torch.ones(2, 2)
    with autocast("float32", CPU):
        assert (x @ x).dtype == torch.float32
    for precision in ("bfloat16", "float16"):
        with autocast(precision, CPU):
            assert (x @ x).dtype == getattr(torch, precision)


def test_float32_is_not_tf32_and_the_last_of_several_threads_puts_back_what_was_there(request):
    backend = torch.backends.cudnn
    request.addfinalizer(partial(setattr, backend, "allow_tf32", backend.allow_tf32))
    backend.allow_tf32 = True  # PyTorch's own choice for convolutions
    first, second = matrix_products("float32"), matrix_products("float32")
    with first:
        with second:
            assert not backend.allow_tf32
        assert not backend.allow_tf32
    assert backend.allow_tf32
    first, second = matrix_products("float32"), matrix_products("float32")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not backend.allow_tf32, "the other one still trains"
    second.__exit__(None, None, None)
    assert backend.allow_tf32
