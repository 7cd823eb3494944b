"""An epoch as a CUDA graph: hundreds of small kernels, launched as one."""

import warnings
from collections.abc import Callable
from functools import lru_cache

import torch


class EpochGraph:
    """Calls a function that does the same work on the same tensors every time, as a graph after the first.

    The first call runs as it is, on a stream of its own, so that libraries and allocator are warm; the second
    is captured and replayed; later ones are replays. What the function reads and writes must keep its place
    in memory, and it may neither wait for the device nor depend on values there.

    Args:
        device: Where it runs. On the CPU there are no graphs, and every call runs as it is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warm = False

    def __call__(self, work: Callable[[], None]) -> None:
        """Do the work once.

        Args:
            work: The function, the same in each call. It is not kept: as a method of what keeps the graph it
                would keep that, and all of its memory, until the garbage collector comes by.
        """
        if self._device.type != "cuda":
            work()
        elif not self._warm:
            self._on_a_side_stream(work)
        else:
            if self._graph is None:
                self._graph = self._captured(work)
            self._graph.replay()

    def forget(self) -> None:
        """Begin anew: tensors that the work uses have moved."""
        self._graph, self._warm = None, False

    def _on_a_side_stream(self, work: Callable[[], None]) -> None:
        stream = _side_stream(self._number)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream), warnings.catch_warnings():
            # an optimizer that can be captured wonders why it is not
            warnings.filterwarnings("ignore", message="This instance was constructed with capturable=True")
            work()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        self._warm = True

    def _captured(self, work: Callable[[], None]) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # PyTorch's own stream for captures is on the first device that one was on
        with torch.cuda.device(self._device), torch.cuda.graph(graph, stream=_side_stream(self._number)):
            work()
        return graph

    @property
    def _number(self) -> int:
        index: int | None = self._device.index
        return torch.cuda.current_device() if index is None else index


@lru_cache  # one for all graphs: libraries keep memory for each stream that they have worked on
def _side_stream(device: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
