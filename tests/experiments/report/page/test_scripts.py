"""What the page's scripts write, asked of Node where it is installed."""

import json
import shutil
import subprocess
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from rlflood.experiments.report.page.payload import comparison

LONG = "best-of:11:" + "a-long-name-of-a-controller-" * 3
# as much of a browser as the scripts ask for while they are read
BROWSER = """
const element = (data) => ({ textContent: data, clientWidth: 400 });
globalThis.matchMedia = () => ({ matches: false, addEventListener() {} });
globalThis.IntersectionObserver = class {};
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "#000000" });
globalThis.Plotly = { Icons: {} };
globalThis.document = {
  documentElement: {}, body: {}, getElementById: (id) => element(id === "data" ? DATA_TEXT : ""),
};
"""


@pytest.fixture
def ask(results):
    """The value of an expression among the page's scripts, for results of one's own."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("running the page's scripts needs node")

    def asked(expression, shown=results):
        data = json.dumps({**comparison(shown), "choice": {"moment": "last", "labels": "clean"}})
        folder = resources.files("rlflood.experiments.report.page")
        scripts = "\n".join(
            (folder / f"{name}.js").read_text(encoding="utf-8")
            for name in ("charts", "legend", "tables", "comparison")
        )
        asking = f"console.log(JSON.stringify({expression}));"
        program = "\n".join((f"const DATA_TEXT = {json.dumps(data)};", BROWSER, scripts, asking))
        done = subprocess.run([node, "-"], input=program, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return asked


def test_one_is_told_in_the_singular_as_it_is_shown(ask):
    assert ask("[1, 1.04, 2.5, 11, 0].map(runsWord)") == ["1 run", "1 run", "2.5 runs", "11 runs", "0 runs"]
    told = ask("(chooseMethods(), budgetFigure()).data.flatMap(({ customdata }) => customdata ?? [])")
    assert {"1 run", "5 runs"} <= set(told) and "1 runs" not in told


def test_names_in_the_chart_are_folded_and_runs_that_diverged_marked(ask, make_results):
    results = make_results(methods=("none", "tracking"), diagnosed=False)
    key = "wine", "tracking"
    results.methods[1].name = LONG
    renamed = {
        (task, LONG if method == "tracking" else method): record
        for (task, method), record in results.records.items()
    }
    loss = np.full_like(renamed["wine", LONG].val_loss, np.nan)
    renamed["wine", LONG] = replace(renamed["wine", LONG], val_loss=loss)
    repeats = dict.fromkeys(renamed, results.repeats[key])
    shown = replace(results, records=renamed, repeats=repeats)
    labels = ask(
        'headlineFigure({}).layout.yaxis.ticktext.map((label) => label.replaceAll("<br>", ""))', shown
    )
    assert sorted(label.strip() for label in labels) == sorted(["none", f"{LONG} ‡"])
    hovers = ask("headlineFigure({}).data.map(({ hovertemplate }) => hovertemplate)", shown)
    assert sum("4 of 8 runs diverged" in hover for hover in hovers) == 1
    cells = ask("view().cells.map(divergedOf)", shown)
    assert sorted(cells) == ["", "", "", "4 of 4 runs diverged"]
