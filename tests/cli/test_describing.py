"""Commands that only describe: they need no data, no network, and no package that is optional."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlflood.cli.app import app
from rlflood.cli.lists import LISTINGS
from rlflood.data.image_sets import IMAGE_SETS
from rlflood.experiments import run_study, start_study
from rlflood.experiments.study.file import resolved
from rlflood.extras import INSTALLED_BY
from rlflood.training import Machine

ROOT = Path(__file__).parents[2]
BARE = ROOT / "tests" / "bare"
DRAWN_WITH = {"report": {"jinja2", "matplotlib", "plotly"}, "export": {"pyarrow"}}

# Runs commands, and tells for each its exit status, what it said on stderr, and what it touched of what
# describing needs not: files in the folders given, the network, the packages given.
WATCHER = """
import contextlib, io, json, sys
folders, packages, commands = json.loads(sys.argv[1])
touched = set()

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(tuple(folders)):
        touched.add(str(arguments[0]))
    elif event in ("socket.connect", "socket.getaddrinfo"):
        touched.add("network")
    elif event == "import" and arguments[0].partition(".")[0] in packages:
        touched.add(arguments[0].partition(".")[0])

sys.addaudithook(watch)
from rlflood.cli import main
outcomes = []
for command in commands:
    touched.clear()
    sys.argv, status = ["rlflood", *command], 0
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
    outcomes.append([status, error.getvalue(), sorted(touched)])
print(json.dumps(outcomes))
"""


def run(commands, *, folders=(), bare=False, data=""):
    """Outcomes of commands, run one after the other in one process."""
    path = [str(BARE)] if bare else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, str(ROOT)]),
        "RLFLOOD_DATA": str(data),
        "OMP_NUM_THREADS": "1",
    }
    given = json.dumps([list(map(str, folders)), list(INSTALLED_BY), commands])
    done = subprocess.run(
        [sys.executable, "-c", WATCHER, given], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with one's own data in ``own`` and a finished study of them in ``study``."""
    folder = tmp_path_factory.mktemp("describing")
    (folder / "own").mkdir()
    x, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 4
    np.savez(folder / "own" / "my.npz", x=x, y=y)
    task = {"data": str(folder / "own" / "my.npz"), "hidden": [4], "epochs": 3}
    sizes = {"train_size": 60, "val_size": 50, "test_size": 60}
    methods = ["none", "default", *(["tpe"] if importlib.util.find_spec("optuna") else [])]
    study = {"name": "mine", "seeds": 2, "runs": 2, "diagnosed_seeds": 0, "methods": methods}
    start_study(resolved({**study, "tasks": [{**task, **sizes}]}, "mine"), folder / "study")
    run_study(folder / "study", Machine(), lambda *_: None)
    return folder


def test_a_command_that_describes_opens_no_data_and_imports_nothing_optional(made, tmp_path):
    for image_set in IMAGE_SETS.values():
        (tmp_path / image_set.folder).mkdir(parents=True, exist_ok=True)
        for name in image_set.files:
            (tmp_path / image_set.folder / name).write_text("no images")
    tables = Path(importlib.util.find_spec("sklearn").origin).parent / "datasets"
    study = str(made / "study")
    helped = [[command.name or command.callback.__name__, "--help"] for command in app.registered_commands]
    assert ["explain", "--help"] in helped and ["list", "--help"] in helped
    commands = [
        ["--version"], ["--help"], *helped, ["list"], *(["list", name] for name in LISTINGS),
        ["card", "default"], ["export", study], ["report", study],
    ]  # fmt: skip
    outcomes = run(commands, folders=[made / "own", tmp_path, tables], data=tmp_path)
    for command, (status, error, touched) in zip(commands, outcomes, strict=True):
        unasked = set(touched) - DRAWN_WITH.get(command[0], set())
        assert status == 0 and not unasked, (command, error, unasked)


def test_a_report_and_an_export_without_the_data_and_without_optional_packages(made, tmp_path):
    (made / "own" / "my.npz").rename(tmp_path / "moved.npz")
    study = shutil.copytree(made / "study", tmp_path / "study")
    (study / "report.html").unlink(missing_ok=True)
    for name in ("figures", "tables", "export"):
        shutil.rmtree(study / name, ignore_errors=True)
    try:
        outcomes = run([["report", str(study)], ["export", str(study)]], bare=True)
    finally:
        (tmp_path / "moved.npz").rename(made / "own" / "my.npz")
    (report_status, reported, _), (export_status, exported, _) = outcomes
    assert report_status == export_status == 0, outcomes
    assert "warning: report.html is left out: the page of a report needs Jinja: pip install" in reported
    assert 'warning: figures/ is left out: figures need matplotlib: pip install "rlflood[plot]"' in reported
    assert not (study / "report.html").exists() and not (study / "figures").exists()
    assert (study / "tables" / "standings-deployed-clean.md").is_file()
    assert not exported and {path.suffix for path in (study / "export").iterdir()} == {".csv", ".parquet"}
    assert '"my","default",1,' in (study / "export" / "runs.csv").read_text()
