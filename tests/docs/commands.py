"""Commands of the documentation, in this process and in small sizes."""

import re
import shlex
import tomllib
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import typer.main

from rlflood import data
from rlflood.agents import load_preset
from rlflood.cli import app
from rlflood.experiments import load_study
from rlflood.extras import MissingPackage
from rlflood.protocols import PROTOCOLS
from tests.docs.pages import ROOT

_SIZES = ["--train-size", "40", "--val-size", "40", "--epochs", "4", "--threads", "1"]
_SMALL = {
    "rollout": ["--repeats", "1", "--test-size", "40", "--device", "cpu", *_SIZES],
    "explain": ["--runs", "2", "--label-noise", "0,0.2", *_SIZES],
    "train": ["--threads", "1"],
    "benchmark": ["--cores", "1"],
}
"""What is appended; of an option that is given twice the last counts."""
_MINUTES = {"demo"}
"""Commands that have no small size."""
_QUICK_METHODS = {"default", "none", "early-stopping", "grid", "tracking"}


def commands(text: str) -> list[list[str]]:
    """The words of each command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def check(words: list[str], run: bool) -> None:
    """Run a command, or make sure that it could be run."""
    match words:
        case ["rlflood", *arguments]:
            _parse(arguments)
            if run and _data_are_here(arguments):
                _run(arguments)
        case ["make", *rest]:
            rules = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert {word for word in rest if "=" not in word} <= set(rules)
        case ["pip", "install", package]:
            optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
                "optional-dependencies"
            ]
            name, _, extra = package.removesuffix("]").partition("[")
            assert name in (".", "rlflood") and (not extra or set(extra.split(",")) <= set(optional))
        case ["pip", "install", "torch", "torchvision", "--index-url", index]:
            assert index == "https://download.pytorch.org/whl/cpu"
        case ["torchrun", "--nproc-per-node", processes, script]:
            assert int(processes) > 1 and Path(script).exists() and not run
        case ["python", "-m", module, *_] if module.startswith("benchmarks."):
            assert find_spec(module) is not None
        case [program, *_] if program.startswith("."):
            assert program == ".venv/bin/ruff" or (ROOT / program).exists()
        case _:
            pytest.fail(f"no way to test the command {shlex.join(words)}")


def _parse(arguments: list[str]) -> None:
    """Let the command line read them: unknown options and values of a wrong type are errors."""
    group: Any = typer.main.get_command(app)
    name, *rest = arguments
    assert name in group.commands, f"there is no command {name}"
    group.commands[name].make_context(name, list(rest))


def _data_are_here(arguments: list[str]) -> bool:
    named = _value(arguments, "--data") or PROTOCOLS.get(_value(arguments, "--protocol"), {}).get("data")
    return all(one.available for one in data.describe() if one.name == named)


def _value(arguments: list[str], option: str) -> Any:
    return arguments[arguments.index(option) + 1] if option in arguments else None


def _run(arguments: list[str]) -> None:
    name = arguments[0]
    if name in _MINUTES:
        return
    shrink: Callable[[list[str]], list[str]] = {"train": _small_training, "benchmark": _small_study}.get(
        name, list
    )
    # where something optional is not installed the command is right all the same
    with suppress(MissingPackage):
        small = [*shrink(arguments), *_SMALL.get(name, [])]
        status = typer.main.get_command(app).main(small, standalone_mode=False)
        assert not status, f"{shlex.join(small)} ended with the exit status {status}"


def _small_training(arguments: list[str]) -> list[str]:
    """The same training of a small preset that is based on the one named."""
    if "--resume" in arguments:
        return arguments
    base = _value(arguments, "--preset") or "default"
    load_preset(base, algorithm=_value(arguments, "--algo"))
    task = {"hidden": [4], "epochs": 20, "train_size": 20, "val_size": 20, "test_size": 40}
    small = {
        "based_on": base,
        "episodes": 1,
        "groups": 2,
        "group_size": 4,
        "tasks": {"variants": [{}], "base": task},
    }
    Path("small-preset.toml").write_text(tomli_w.dumps(small))
    return [*arguments, "--preset", "small-preset.toml"]


def _small_study(arguments: list[str]) -> list[str]:
    """The same with a small study of the name, if one is named."""
    name = arguments[1]
    if name.startswith("--"):
        return arguments
    study = load_study(name, also=tuple([_value(arguments, "--also")] if "--also" in arguments else ()))
    values = study.model_dump(mode="json", exclude_none=True)
    here = {one.name for one in data.describe() if one.available} | {"mine.csv", "mine.npz"}
    small = {"epochs": 4, "train_size": 30, "val_size": 30, "test_size": 30, "hidden": [4]}
    values["tasks"] = [{**task, **small} for task in values["tasks"] if Path(task["data"]).name in here][:1]
    values["methods"] = [
        one for one in study.methods if one in _QUICK_METHODS or one.endswith(".safetensors")
    ]
    values |= {"seeds": 2, "runs": 2}
    file = Path(f"small-{Path(name).stem}.toml")
    file.write_text(tomli_w.dumps(values))
    options = dict.fromkeys(("--seeds", "--runs"), "2")
    repeated = [word for option, value in options.items() if option in arguments for word in (option, value)]
    return [arguments[0], str(file), *arguments[2:], *repeated]
