import pytest
import torch

from rlflood.training.mlp.graph import EpochGraph

CPU = torch.device("cpu")


def test_on_the_cpu_every_call_does_the_work():
    calls = []
    graph = EpochGraph(CPU)
    for _ in range(3):
        graph(lambda: calls.append(1))
    graph.forget()
    graph(lambda: calls.append(1))
    assert len(calls) == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_third_call_is_a_replay():
    calls, total = [], torch.zeros(1, device="cuda")

    def work():
        calls.append(1)
        total.add_(1)

    graph = EpochGraph(torch.device("cuda"))
    for _ in range(5):
        graph(work)
    assert total.item() == 5
    assert len(calls) == 2
