"""Processes that train one network together."""

from torch import distributed


def processes_and_rank() -> tuple[int, int]:
    """How many processes train together, and the number of this one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size(), distributed.get_rank()
    return 1, 0
