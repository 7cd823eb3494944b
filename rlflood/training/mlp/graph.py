"""An epoch as a CUDA graph: hundreds of small kernels, launched as one."""

from collections.abc import Callable

import torch


class EpochGraph:
    """Calls a function that does the same work on the same tensors every time, as a graph after the first.

    The first call runs as it is, on a stream of its own, so that libraries and allocator are warm; the second
    is captured and replayed; later ones are replays. What the function reads and writes must keep its place
    in memory, and it may neither wait for the device nor depend on values there.

    Args:
        work: The function.
        device: Where it runs. On the CPU there are no graphs, and every call runs as it is.
    """

    def __init__(self, work: Callable[[], None], device: torch.device) -> None:
        self._work, self._device = work, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warm = False

    def __call__(self) -> None:
        """Do the work once."""
        if self._device.type != "cuda":
            self._work()
        elif not self._warm:
            self._on_a_side_stream()
        else:
            if self._graph is None:
                self._capture()
            assert self._graph is not None
            self._graph.replay()

    def forget(self) -> None:
        """Begin anew: tensors that the work uses have moved."""
        self._graph, self._warm = None, False

    def _on_a_side_stream(self) -> None:
        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            self._work()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        self._warm = True

    def _capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph):
            self._work()
        self._graph = graph
