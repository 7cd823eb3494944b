"""Controllers' files of every format, written by the code of their time, decide today as they did then.

``expected.json`` says which commit wrote the levels, on fixed curves of three runs: one that memorises, one
that does not, one that is thrown beyond its level. ``1-first`` came with the first study, ``1-recurrent`` has
a memory, ``4`` sets a strength and puts weights back; the others are one controller in three formats.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlflood.control import Controller
from rlflood.control.controller import FORMAT, OLDER_FORMATS
from rlflood.schedulers import PolicyScheduler

FOLDER = Path(__file__).parent / "controllers"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
FILES = sorted(EXPECTED["controllers"])


def written_format(name: str) -> str:
    content = (FOLDER / f"{name}.safetensors").read_bytes()
    return next(known for known in (FORMAT, *OLDER_FORMATS) if known.encode() in content)


def test_there_is_a_file_of_every_format() -> None:
    assert {written_format(name) for name in FILES} == {FORMAT, *OLDER_FORMATS}
    assert all(written_format(name).endswith(f"/{name[0]}") for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_decides_as_it_did_when_it_was_written(name: str) -> None:
    expected = EXPECTED["controllers"][name]
    scheduler = PolicyScheduler(
        FOLDER / f"{name}.safetensors", epochs=EXPECTED["epochs"], classes=np.array(EXPECTED["classes"])
    )
    strengths = []
    for epoch in range(EXPECTED["epochs"]):
        strengths.append(scheduler.strength)
        scheduler.step(**{metric: values[epoch] for metric, values in EXPECTED["metrics"].items()})
    np.testing.assert_allclose(scheduler.history.level, expected["levels"], rtol=1e-6)
    assert len(np.unique(expected["levels"])) > 5, "the curves ask for decisions"
    if "strengths" in expected:
        np.testing.assert_array_equal(strengths, expected["strengths"])
    returns = expected.get("returns", np.zeros((EXPECTED["epochs"], 3), bool))
    np.testing.assert_array_equal(scheduler.history.returns, returns)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_saved_anew_decides_the_same(name: str, tmp_path: Path) -> None:
    old = Controller.load(FOLDER / f"{name}.safetensors")
    old.save(tmp_path / "new.safetensors")
    assert Controller.load(tmp_path / "new.safetensors").fingerprint == old.fingerprint
