"""The parts of the script, in the order of their worth. What each needs is imported by it alone."""

from dataclasses import dataclass

from benchmarks.gpu.allowance import Allowance
from benchmarks.gpu.processes import Work


@dataclass(frozen=True)
class Part:
    """Some work, and how large its share of the time is beside the others'."""

    work: Work
    share: float


def machine(allowance: Allowance) -> None:
    """Versions, the card and its limits."""
    from benchmarks.gpu.card import machine

    machine(allowance)


def checks(allowance: Allowance) -> None:
    """What only a GPU runs, against the CPU."""
    from benchmarks.gpu import loop_checks, stack_checks
    from benchmarks.gpu.checking import Checks
    from rlflood.cli.options import one_core_a_thread

    one_core_a_thread()
    found = Checks(allowance)
    stack_checks.add(found)
    loop_checks.add(found)


def stacks(allowance: Allowance) -> None:
    """Steps a second of stacks, beside one plain network."""
    from benchmarks.gpu.stacks import stacks

    stacks(allowance)


def grid(allowance: Allowance) -> None:
    """The paper's grid of levels."""
    from benchmarks.gpu.grid import grid

    grid(allowance)


def controller(allowance: Allowance) -> None:
    """A controller from nothing."""
    from benchmarks.gpu.controller import controller
    from rlflood.cli.options import one_core_a_thread

    one_core_a_thread()
    controller(allowance)


def resnet(allowance: Allowance) -> None:
    """ResNet-44 in a loop of one's own and in the trainer."""
    from benchmarks.gpu.resnet import resnet

    resnet(allowance)


PARTS = {
    "machine": Part(machine, 0.1),
    "checks": Part(checks, 0.25),
    "stacks": Part(stacks, 0.2),
    "grid": Part(grid, 0.15),
    "controller": Part(controller, 0.2),
    "resnet": Part(resnet, 0.1),
}
