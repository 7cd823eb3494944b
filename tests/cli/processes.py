"""Commands as processes of their own, a preset that they train in no time, and what they print in words."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRESET = """
algorithm = "ppo"
episodes = 8
groups = 2
group_size = 2
policy = [4]
observation = "extended"
levels = "relative"
decisions = 2
reward = "final"
[hyperparameters]
minibatches = 1
[tasks.base]
hidden = [8]
epochs = 4
train_size = 20
val_size = 20
test_size = 20
"""


def started(*arguments):
    """Start a command as a process of its own."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    return subprocess.Popen(
        [sys.executable, "-m", "rlflood", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # a shell that runs the tests in the background has Ctrl-C ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def in_a_process(*arguments):
    """Run a command as a process of its own: its exit status, stdout and stderr."""
    process = started(*arguments)
    out, error = process.communicate()
    return process.returncode, out, error


def in_words(text):
    """Without the line breaks and frames of a terminal."""
    return " ".join(text.replace("│", " ").split())


def has_row(shown: str, method: str) -> bool:
    """Whether a table, with or without a frame, has a row of this method."""
    return re.search(rf"^(│ )?{method} ", shown, re.MULTILINE) is not None
