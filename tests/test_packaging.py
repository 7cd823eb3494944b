"""The package as a whole: its version, what importing it costs, who imports whom, what is never named."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rlflood"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# The rooms, each with the rooms whose modules it may import besides its own (docs/design.md).
BOTTOM = {
    "errors", "extras", "files", "flooding", "interrupts", "metrics", "protocols", "registration", "saving",
    "toml_files", "validation", "words",
}  # fmt: skip
BELOW_ENVS = BOTTOM | {"schedulers", "data", "training"}
BELOW_AGENTS = BELOW_ENVS | {"envs"}
BELOW_EXPERIMENTS = BELOW_AGENTS | {"agents"}
BELOW_CLI = BELOW_EXPERIMENTS | {"experiments", "integrations"}
MAY_IMPORT = {
    **dict.fromkeys(BOTTOM, BOTTOM),
    "schedulers": BOTTOM,
    "data": BOTTOM,
    "training": BOTTOM | {"data"},
    "envs": BELOW_ENVS,
    "agents": BELOW_AGENTS,
    "experiments": BELOW_EXPERIMENTS,
    "integrations": BOTTOM | {"schedulers"},
    "terminal_table": set(),
    "console": BELOW_CLI | {"terminal_table"},
    "listing": BELOW_CLI,
    "cli": BELOW_CLI | {"console", "listing"},
    "__init__": BELOW_CLI,
    "__main__": BELOW_CLI | {"cli"},
}

# Whoever only deploys a controller pulls in these and no more.
OUTSIDE_OF_SCHEDULERS = {"numpy", "safetensors", "torch"}
HEAVY = (
    "matplotlib",
    "optuna",
    "plotly",
    "pyarrow",
    "pydantic",
    "ray",
    "rich",
    "scipy",
    "sklearn",
    "stable_baselines3",
    "tensorboard",
    "torchvision",
    "typer",
)

FORBIDDEN = re.compile(rb"/root/|/home/\w|index-url[= ]|find-links|pythonhosted\.org|pypi\.org/simple")


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Yield the full name of each module that ``source`` imports, at the top or inside a function.

    For ``from a.b import c`` that is ``a.b.c``, since ``c`` may be a module. ``package`` is the name of the
    package that the source lies in; relative imports start there.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                start = ".".join([*parents, node.module] if node.module else parents)
            yield from (f"{start}.{alias.name}" for alias in node.names)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    return imported_modules(path.read_text(), ".".join(path.relative_to(ROOT).parent.parts))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_imports_are_read_in_each_of_their_forms() -> None:
    source = (
        "import torch.nn as nn, os\n"
        "from rlflood.data import load\n"
        "def f():\n    from . import base\n    from .base import X\n    from ..metrics import Metrics\n"
    )
    assert sorted(imported_modules(source, "rlflood.schedulers")) == [
        "os",
        "rlflood.data.load",
        "rlflood.metrics.Metrics",
        "rlflood.schedulers.base",
        "rlflood.schedulers.base.X",
        "torch.nn",
    ]


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room_of(path) for path in modules()} <= set(MAY_IMPORT), "name the new room in MAY_IMPORT"


def test_the_order_of_the_rooms_has_no_way_back() -> None:
    for room, allowed in MAY_IMPORT.items():
        for other in allowed - BOTTOM:
            assert room not in MAY_IMPORT[other], f"{room} and {other} may import each other"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT.get(room, set()) | {room, "__version__"}
    if room in {"cli", "__main__"}:
        allowed.add("")  # the package as such ("import rlflood"): for the other rooms a way back to the top
    inside = [name for name in imports_of(path) if name.split(".")[0] == "rlflood"]
    wrong = [name for name in inside if "".join(name.split(".")[1:2]) not in allowed]
    assert not wrong, f"rlflood.{room} may import only {sorted(allowed)} of rlflood"


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "schedulers").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_schedulers_need_only_what_deploying_a_controller_needs(path: Path) -> None:
    outside = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - {"rlflood"}
    assert outside <= OUTSIDE_OF_SCHEDULERS


def test_help_does_not_wait_for_pytorch() -> None:
    code = "import sys, rlflood.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["False"], done.stderr


@pytest.mark.parametrize("module", ["rlflood", "rlflood.schedulers"])
def test_importing_leaves_the_heavy_libraries_alone(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_version_is_the_same_everywhere() -> None:
    import rlflood

    assert rlflood.__version__ == PYPROJECT["project"]["version"]


def test_the_installed_package_is_this_one() -> None:
    try:
        installed = metadata.distribution("rlflood")
    except metadata.PackageNotFoundError:
        pytest.skip("rlflood is not installed here (the tests run from the source tree)")
    assert installed.version == PYPROJECT["project"]["version"]
    commands = {
        point.name: point.value for point in installed.entry_points if point.group == "console_scripts"
    }
    assert commands == PYPROJECT["project"]["scripts"]


def test_the_console_script_exists() -> None:
    module, _, function = PYPROJECT["project"]["scripts"]["rlflood"].partition(":")
    tree = ast.parse((ROOT / module.replace(".", "/") / "__init__.py").read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert function in names


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_nothing_names_a_machine_or_an_index() -> None:
    files = [
        *(path for folder in ("rlflood", "docs", "benchmarks", ".ci") for path in (ROOT / folder).rglob("*")),
        *(path for path in ROOT.iterdir() if path.suffix in {".md", ".toml"} or path.name == "Makefile"),
    ]
    named = {
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
        for match in FORBIDDEN.finditer(path.read_bytes())
    }
    assert not named
