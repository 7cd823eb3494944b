"""The bare machine of ``make bare`` is bare: it has what rlflood requires, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlflood.extras import INSTALLED_BY

BARE = Path(__file__).parent / "bare"
ASKED = """
import importlib, importlib.util, shutil, socket, sys
from rlflood.data import describe, load

def outcome(call, *arguments):
    try:
        return str(call(*arguments))
    except Exception as error:
        return type(error).__name__

print([name for name in sys.argv[1:] if importlib.util.find_spec(name) is not None])
print({outcome(importlib.import_module, name) for name in sys.argv[1:]})
print(outcome(socket.create_connection, ("example.org", 80)))
print(outcome(socket.socket().connect, ("192.0.2.1", 80)))
with socket.create_server(("127.0.0.1", 0)) as server:
    print(outcome(socket.create_connection, server.getsockname())[:14])
print([row.name for row in describe() if row.kind == "images" and row.available])
print(outcome(load, "fashion-mnist"), load("wine").size)
print(shutil.which("chromium"), shutil.which("chromedriver"), shutil.which("sh") is not None)
"""


def bare(code: str, *arguments: str) -> list[str]:
    path = os.pathsep.join([str(BARE), str(BARE.parent.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "RLFLOOD_DATA": ""}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("child", [False, True], ids=["itself", "what it starts"])
def test_what_is_optional_is_not_there_and_what_is_required_is(child: bool) -> None:
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
    optional = [package for package, brings in INSTALLED_BY.items() if brings.startswith("rlflood[")]
    assert (bare(start, ASKED, *optional) if child else bare(ASKED, *optional)) == [
        "[]",
        "{'ModuleNotFoundError'}",
        "gaierror",
        "OSError",
        "<socket.socket",
        "[]",
        "InputError 178",
        "None None True",
    ]


SLIM = Path(__file__).parent / "slim"


def test_a_loop_is_steered_with_nothing_but_numpy_pytorch_and_safetensors() -> None:
    """The rooms and the commands that need more say what."""
    path = os.pathsep.join([str(SLIM), str(BARE.parent.parent)])
    command = [sys.executable, str(Path(__file__).with_name("slim_loop.py"))]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("steered by ")
