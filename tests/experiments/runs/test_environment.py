"""What is written down of where results were made."""

import json
import subprocess
from pathlib import Path

import pytest

from rlflood.experiments.runs.environment import environment
from rlflood.training import Machine

ROOT = Path(__file__).parents[3]


def test_it_is_plain_and_says_how_it_was_trained():
    found = environment(Machine(precision="bfloat16", threads=3))
    assert json.loads(json.dumps(found)) == found
    assert (found["device"], found["precision"], found["threads"]) == ("cpu", "bfloat16", 3)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout")
def test_a_checkout_is_known_by_its_revision():
    head = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert environment(Machine())["commit"].removesuffix("+") == head.stdout.strip()
