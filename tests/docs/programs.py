"""The whole programs of the documentation, to run in other sizes and to hold against other loops."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from tests.docs import pages


def program(name: str) -> str:
    """The last block of Python of a page of ``docs/how-to``."""
    return [block.text for block in _blocks(name) if block.kind == "python"][-1]


def added_lines(name: str) -> list[str]:
    """The lines that a page says are to be added to a loop."""
    (shown,) = (block.text for block in _blocks(name) if block.kind.startswith("{code-block}"))
    return [line[1:].strip() for line in shown.splitlines() if line.startswith("+")]


def replaced(text: str, replacements: dict[str, str]) -> str:
    """A program with other sizes: each key has to be in it."""
    for before, after in replacements.items():
        assert before in text, f"the program has no {before!r}"
        text = text.replace(before, after)
    return text


def run(name: str, folder: Path, replacements: dict[str, str]) -> dict[str, Any]:
    """What is there after a page's program has run in a folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with chdir(folder), new_accelerator():
        exec(compile(replaced(program(name), replacements), name, "exec"), names)
    return names


@contextmanager
def new_accelerator() -> Iterator[None]:
    """As in a new process: Accelerate keeps the precision of the first for the whole of it, and beyond."""
    _forget_accelerator()
    try:
        yield
    finally:
        _forget_accelerator()


def _forget_accelerator() -> None:
    if (state := sys.modules.get("accelerate.state")) is not None:
        state.AcceleratorState._reset_state(True)
        state.GradientState._reset_state()


def torchrun(name: str, folder: Path, replacements: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command and the environment that run a page's program in two processes, in that folder."""
    (folder / "train.py").write_text(replaced(program(name), replacements))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GLOO_SOCKET_IFNAME": "lo"}
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    return [sys.executable, *command], {**environment, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _blocks(name: str) -> list[pages.Block]:
    return pages.blocks(pages.ROOT / "docs" / "how-to" / f"{name}.md")
