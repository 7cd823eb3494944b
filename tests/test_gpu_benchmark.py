"""The script for a GPU runs on a machine without one, at tiny sizes, and nothing in it stops the rest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gpu import __main__ as script
from benchmarks.gpu import loop_checks, stack_checks
from benchmarks.gpu.allowance import Allowance, Found
from benchmarks.gpu.checking import Checks, apart, largest, moved
from benchmarks.gpu.parts import PARTS, Part
from benchmarks.gpu.processes import SPARE, Work, alone, here
from rlflood.errors import InputError
from tests import breaking_parts

FEW_STACKS = (
    "mini-batches", "SGD, a rate that falls", "batch norm", "held mean", "average, best and returns",
    "all of these", "criterion elr", "criterion sam",
)  # fmt: skip
FEW_MODULES = ("cnn", "cnn, average, best and returns", "cnn, accumulated and clipped", "cnn, bfloat16")


def reported(work: Work, seconds: float = 1e6) -> Found:
    found: Found = {}
    work(Allowance("cpu", seconds, found.update))
    return found


def test_every_part_but_the_checks_measures_something_at_tiny_sizes() -> None:
    parts = {name: reported(part.work) for name, part in PARTS.items() if name != "checks"}
    limits = parts["machine"]["limits"]
    assert limits["copy_gb_a_second"] > 0 and set(limits["tflops"]) == {"float32", "bfloat16"}
    assert {row["side"] for row in parts["stacks"]["rows"]} == {"plain network", "stack"}
    assert all(row["steps_a_second"] > 0 for row in parts["stacks"]["rows"])
    for row in parts["grid"]["rows"]:
        assert row["runs"] == 3 * 3 * 2 and not row["extrapolated"] and row["seconds_of_a_grid"] > 0
        assert set(row["test_accuracy"]) == {"0.01", "0.05", "0.1"}
    for row in parts["controller"]["rows"]:
        assert [step["episodes"] for step in row["curve"]] == [8, 16] and row["episodes_a_second"] > 0
    assert [row["side"] for row in parts["resnet"]["rows"]] == [
        "plain loop", "scheduler", "scheduler and average", "ModuleTrainer",
    ]  # fmt: skip
    json.dumps(parts)


def test_checks_of_the_cpu_against_itself_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, cases, few in ((stack_checks, "CASES", FEW_STACKS), (loop_checks, "MODULES", FEW_MODULES)):
        monkeypatch.setattr(module, cases, {name: getattr(module, cases)[name] for name in few})
    monkeypatch.setattr(loop_checks, "EPOCHS", 4)
    found = reported(PARTS["checks"].work)["checks"]
    assert [check for check in found if not check["ok"]] == []
    exact = [check["difference"] for check in found if not check["name"].startswith("bfloat16")]
    assert max(exact) < 1e-3
    names = {check["name"].partition(",")[0].partition(":")[0] for check in found}
    assert {"stack", "captured epoch", "environment", "module trainer", "HoldFlood"} <= names


@pytest.mark.parametrize("name", stack_checks.CASES)
def test_every_case_of_the_stack_can_be_trained(name: str) -> None:
    trainer = stack_checks.made("cpu", *stack_checks.CASES[name])
    assert np.isfinite(trainer.run_epoch(stack_checks.LEVELS).train_loss).all()


@pytest.mark.parametrize("name", loop_checks.MODULES)
def test_every_case_of_a_module_can_be_trained(name: str) -> None:
    assert np.isfinite(loop_checks.module("cpu", name).run_epoch(0.5).train_loss).all()


def test_a_check_that_fails_or_raises_is_told_and_stops_nothing() -> None:
    found: Found = {}
    checks = Checks(Allowance("cpu", 1e6, found.update))

    def raising() -> dict[str, float]:
        raise RuntimeError("CUDA error: an illegal memory access\nmore of it")

    checks.add("first", raising)
    checks.add("second", lambda: {"losses": 1.0, "exact": 0.0})
    checks.add("third", lambda: {"losses": float("nan")})
    rows = found["checks"]
    assert [row["ok"] for row in rows] == [False, False, True, False]
    assert rows[0]["error"] == "RuntimeError: CUDA error: an illegal memory access"
    assert rows[1]["difference"] == 1.0 and rows[1]["tolerance"] > 0
    late = Checks(Allowance("cpu", 0.0, found.update))
    late.add("fourth", lambda: pytest.fail("there was no time left"))
    assert found["checks"][0]["error"] == "no time was left"


def test_the_largest_difference() -> None:
    assert largest([1.0, np.nan], [1.25, np.nan]) == 0.25
    assert largest([10.0], [11.0]) == pytest.approx(0.1), "of large numbers it is relative"
    assert np.isnan(largest([1.0], [np.nan])), "which no tolerance takes"
    assert apart({"a": [1.0], "b": [2.0]}, {"a": [1.5], "b": [2.0]}, {"a": "x", "b": "y"}) == {
        "x": 0.5,
        "y": 0.0,
    }
    with pytest.raises(ValueError, match="shapes"):
        largest([1.0], [1.0, 2.0])
    state = {"a": [(0.9, 0.99), 1]}
    assert moved(state, "cpu") == state


@pytest.mark.parametrize(
    ("work", "seconds", "told", "left"),
    [
        (breaking_parts.right, 60.0, None, {"device": "cpu", "told": SPARE * 60.0}),
        (breaking_parts.raising, 60.0, "RuntimeError: no such thing", {"half": 1}),
        (breaking_parts.crashing, 60.0, "exit code 9", {"half": 1}),
    ],
)
def test_a_part_in_a_process_of_its_own(work: Work, seconds: float, told: str | None, left: Found) -> None:
    found: Found = {}
    outcome = alone(work, "cpu", seconds, found.update)
    assert found == left
    assert outcome is None if told is None else told in str(outcome)


def test_a_part_that_hangs_is_ended() -> None:
    found: Found = {}
    assert "was ended" in str(alone(breaking_parts.hanging, "cpu", 1.0, found.update))


def test_what_one_part_leaves_goes_to_the_others_and_all_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {
        "a": Part(breaking_parts.right, 1.0),
        "b": Part(breaking_parts.raising, 1.0),
        "c": Part(breaking_parts.right, 2.0),
    }
    monkeypatch.setattr(script, "PARTS", parts)
    written: list[str] = []
    found = script.measured(
        list(parts), "cpu", 100.0, lambda all_of_it: written.append(json.dumps(all_of_it)), here
    )
    assert json.loads(written[-1]) == found and len(written) == 6
    told = [found["parts"][name]["found"].get("told") for name in parts]
    assert told[0] == pytest.approx(SPARE * 25, abs=1)
    assert told[2] == pytest.approx(SPARE * 100, abs=2), "all that is left"
    assert found["parts"]["b"]["state"] == "not finished" and found["parts"]["b"]["found"] == {"half": 1}
    assert "RuntimeError: no such thing" in capsys.readouterr().out


def test_the_command_writes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def do(work: Work, device: str, seconds: float, on_report: Callable[[Found], None]) -> str | None:
        asked.append(device)
        on_report({"checks": [{"name": "x", "ok": False, "difference": 2.0}]})
        return None

    monkeypatch.setattr(script, "alone", do)
    file = tmp_path / "gpu.json"
    script.main(out=file, only=["grid", "machine"], minutes=1, device="cpu")
    found: Any = json.loads(file.read_text())
    assert list(found["parts"]) == ["machine", "grid"], "in the order of their worth"
    assert found["parts"]["grid"]["state"] == "done" and asked == ["cpu", "cpu"]
    with pytest.raises(InputError, match="there is no part 'grids'"):
        script.main(out=file, only=["grids"], minutes=1, device="cpu")
