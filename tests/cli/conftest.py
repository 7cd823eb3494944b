"""Commands in this process, in a folder of their own."""

import sys

import pytest
import torch
from rich.console import Console

from rlflood import cli
from rlflood.cli import console


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process, in a terminal of some width: its exit status, stdout and stderr."""

    def command(*arguments, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        # Rich keeps the width that the variable had when a console was made, in whichever test that was
        monkeypatch.setattr(console, "console", Console())
        monkeypatch.setattr(console, "errors", Console(stderr=True))
        monkeypatch.setattr(sys, "argv", ["rlflood", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return command
