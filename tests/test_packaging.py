"""The package as a whole: its version, what importing it costs, who imports whom, what is never named."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rlflood"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# The rooms from bottom to top, each with the rooms whose modules it may import besides its own and the
# ground. A room is a folder; what lies in none is the ground.
CONTROL = ("control",)
TRAINING = ("data", "training", "training.criteria", "training.mlp", "training.images")
ENVS = (*CONTROL, *TRAINING)
RUNS = (*ENVS, "envs", "agents", "schedulers")
METHODS = (*RUNS, "experiments.runs")
STUDY = (*METHODS, "experiments.methods")
ANALYSIS = (*STUDY, "experiments.study")
REPORT = (*ANALYSIS, "experiments.analysis")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "ground": (),
    "control": (),
    "schedulers": CONTROL,
    "integrations": (*CONTROL, "schedulers", "data"),
    "data": (),
    "training": TRAINING,
    "training.criteria": ("training",),
    "training.mlp": ("data", "training", "training.criteria"),
    "training.images": ("data", "training", "training.criteria"),
    "envs": ENVS,
    "agents": (*ENVS, "envs"),
    "experiments.runs": RUNS,
    "experiments.methods": METHODS,
    "experiments.study": STUDY,
    "experiments.analysis": ANALYSIS,
    "experiments.report": REPORT,
    "experiments.report.text": REPORT,
    "experiments.report.export": REPORT,
    "experiments.report.figures": (*REPORT, "experiments.report.text"),
    "experiments.report.page": (*REPORT, "experiments.report.text", "experiments.report.figures"),
    "experiments.explain": (*REPORT, "experiments.report.text", "experiments.report.figures"),
    "experiments": REPORT,
}
# these give other rooms' names, or put everything together
FRONTS = {"__init__", "__main__", "cli"}

# Whoever only deploys a controller pulls in these and no more.
OUTSIDE_OF_SCHEDULERS = {"numpy", "safetensors", "torch"}
HEAVY = (
    "matplotlib",
    "optuna",
    "plotly",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "sklearn",
    "stable_baselines3",
    "tensorboard",
    "torchvision",
    "typer",
)

UPPER = {"rlflood.data", "rlflood.training", "rlflood.envs", "rlflood.agents", "rlflood.experiments"}

# but for the index of PyTorch itself, which people without a GPU need
FORBIDDEN = re.compile(
    rb"/root/|/home/\w|index-url[= ](?!https://download\.pytorch\.org/)|find-links"
    rb"|pythonhosted\.org|pypi\.org/simple"
)


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


def room_of(module: str) -> str:
    """The room of a module or of a name in it: of ``rlflood.data.sheet.Sheet`` it is ``data``."""
    parts = module.split(".")[1:]
    rooms = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((room for room in rooms if (PACKAGE / room.replace(".", "/")).is_dir()), "ground")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def module_of(name: str) -> str:
    """The module that an imported name lies in."""
    while not (ROOT / name.replace(".", "/")).with_suffix(".py").is_file():
        folder = ROOT / name.replace(".", "/")
        if (folder / "__init__.py").is_file():
            return f"{name}.__init__"
        name = name.rpartition(".")[0]
    return name


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
    rooms = {room_of(name_of(path)) for path in modules()}
    assert rooms - FRONTS <= set(MAY_IMPORT), "name the new room in MAY_IMPORT"


def test_the_rooms_have_no_circle() -> None:
    apart = {room: set(others) - {room} for room, others in MAY_IMPORT.items()}
    # the room of the trainers has what its three rooms stand on and, above them, what chooses between them
    apart["training"] = {"data"}
    assert tuple(TopologicalSorter(apart).static_order())


def test_the_modules_have_no_circle() -> None:
    inside = {
        name_of(path): {module_of(name) for name in imports_of(path) if name.startswith("rlflood.")}
        - {name_of(path)}
        for path in modules()
        if path.name != "__init__.py"
    }
    assert tuple(TopologicalSorter(inside).static_order())


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(name_of(path))
    inside = [name for name in imports_of(path) if name.split(".")[0] == "rlflood"]
    if room in FRONTS or (path.parent == PACKAGE and path.stem in FRONTS):
        return
    allowed = {room, "ground", *MAY_IMPORT[room]}
    wrong = [name for name in inside if room_of(name) not in allowed]
    assert not wrong, f"rlflood.{room} may import only {sorted(allowed)} of rlflood"


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_long() -> None:
    assert [str(path) for path in modules() if lines(path) > 400] == []


def test_no_room_of_the_experiments_is_large() -> None:
    folders = {path.parent for path in modules() if "experiments" in path.parts}
    sizes = {folder.name: sum(map(lines, folder.glob("*.py"))) for folder in folders}
    assert max(sizes.values()) <= 2000, sizes


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if room_of(name_of(path)) in {"control", "schedulers"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_schedulers_need_only_what_deploying_a_controller_needs(path: Path) -> None:
    outside = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - {"rlflood"}
    assert outside <= OUTSIDE_OF_SCHEDULERS


def test_help_does_not_wait_for_pytorch() -> None:
    code = "import sys, rlflood.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["False"], done.stderr


def test_deploying_a_controller_leaves_the_heavy_libraries_and_the_upper_rooms_alone() -> None:
    code = (
        "import sys, rlflood, rlflood.control, rlflood.schedulers\n"
        "rlflood.load_controller('default', epochs=5, classes=2)\n"
        f"print(*sorted(set(sys.modules) & {set(HEAVY) | UPPER!r}))"
    )
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
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())
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
