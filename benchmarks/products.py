"""Which form of the batched matrix products of a layer runs how fast: ``python -m benchmarks.products``.

One thread, in CPU time, which programs beside it hardly disturb.
"""

import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

REPLICAS, SAMPLES = 64, 100


def forms(inputs: int, outputs: int) -> dict[str, Callable[[], Tensor]]:
    """The products of one layer, each with the weights as (in, out) and by its transpose."""
    x = torch.rand(REPLICAS, SAMPLES, inputs)
    weight, gradient = torch.rand(REPLICAS, inputs, outputs), torch.rand(REPLICAS, SAMPLES, outputs)
    weight_t, gradient_t = weight.mT.contiguous(), gradient.mT.contiguous()
    return {
        "forward": lambda: torch.bmm(x, weight),
        "forward, transposed": lambda: torch.bmm(weight_t, x.mT),
        "weights' gradient": lambda: torch.bmm(x.mT, gradient),
        "weights' gradient, transposed": lambda: torch.bmm(gradient_t, x),
        "inputs' gradient": lambda: torch.bmm(gradient, weight.mT),
        "inputs' gradient, from transposed": lambda: torch.bmm(gradient_t.mT, weight_t),
    }


def main() -> None:
    """Print GFLOP/s of each form for the layers of a 3x100 and a 5x500 network."""
    torch.set_num_threads(1)
    layers = ((10, 100), (100, 100), (100, 2), (100, 10), (500, 500), (500, 2))
    table = Table("product", *(f"{a} to {b}" for a, b in layers), title="GFLOP/s, best of 15")
    columns = []
    for inputs, outputs in layers:
        gflop = 2 * REPLICAS * SAMPLES * inputs * outputs / 1e9
        column = {}
        for name, work in forms(inputs, outputs).items():
            times = []
            for _ in range(15):
                start = time.thread_time()
                work()
                times.append(time.thread_time() - start)
            column[name] = f"{gflop / min(times):.0f}"
        columns.append(column)
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    Console().print(table)


if __name__ == "__main__":
    main()
