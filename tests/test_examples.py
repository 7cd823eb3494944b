"""The programs and the notebook of ``examples/`` run, and show what they say."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOK = EXAMPLES / "one_run.ipynb"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a program prints."""
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    (line,) = capsys.readouterr().out.splitlines()
    return line


@pytest.mark.parametrize("name", ["own_loop", "robust_labels", "without_validation", "your_own_rule"])
def test_a_program_shows_that_flooding_helped(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = printed(name, capsys)
    plain, steered = (float(share) for share in re.findall(r"([\d.]+)%", line))
    assert 50 < plain < steered < 100, line


def test_stable_baselines_trains_a_controller_that_floods(capsys: pytest.CaptureFixture[str]) -> None:
    line = printed("gymnasium_env", capsys)
    levels = [float(level) for level in line.rpartition(": ")[2].split(", ")]
    # relative to the best validation loss, which is 0.9; none before there is one
    assert len(levels) == 5 and levels[0] == 0 and all(0 <= level <= 0.9 for level in levels), line


def test_all_programs_are_tested_short_and_on_the_page() -> None:
    programs = sorted(EXAMPLES.glob("*.py"))
    tested = Path(__file__).read_text()
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    for program in programs:
        assert f'"{program.stem}"' in tested and f"examples/{program.name}" in page, program
        assert len(program.read_text().splitlines()) <= 60, program


def code_outputs(notebook: Any) -> list[list[Any]]:
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def kinds(outputs: list[Any]) -> list[str]:
    """What a cell put out: ``text`` or ``picture``."""
    return ["picture" if "image/png" in output.get("data", {}) else "text" for output in outputs]


def test_the_notebook_runs_and_its_kept_outputs_are_of_this_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip("nbclient")
    for module in ("nbformat", "ipykernel", "matplotlib"):
        pytest.importorskip(module)
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = json.loads(NOTEBOOK.read_text())
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel has a backend of its own
    # the time is a limit to what hangs, not to what is slow
    client.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = []
    for outputs, before in zip(code_outputs(notebook), code_outputs(kept), strict=True):
        assert kinds(outputs) == kinds(before)
        texts += [output["text"] for output in outputs if output["output_type"] == "stream"]
    assert sum(kinds(outputs).count("picture") for outputs in code_outputs(notebook)) == 2
    result = next(text for text in texts if text.startswith("test accuracy"))
    plain, steered = (float(share) for share in re.findall(r"([\d.]+)%", result))
    assert 50 < plain < steered < 100


def test_the_notebook_says_nothing_of_a_machine() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    for outputs in code_outputs(notebook):
        for output in outputs:
            output.get("data", {}).pop("image/png", None)
    assert not re.search(r"/(home|root|tmp|work|Users)/|\.venv|Traceback", json.dumps(notebook))
