"""Methods at equal numbers of runs, against picks made by hand."""

import numpy as np
import pytest

from rlflood.experiments.analysis.budgets import family
from rlflood.experiments.analysis.summary import summarise
from rlflood.experiments.report.text.captions import equal_runs_definition
from rlflood.experiments.report.text.tables import equal_runs_table, tables
from rlflood.experiments.runs.record import TEST_SCORES, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.study.file import resolved
from rlflood.experiments.study.results import Results

TASKS, SEEDS, EPOCHS = ("a", "b"), 2, 2
# accuracies of the candidates of every search: on validation data, on test data
CANDIDATES = {
    "grid": ([0.3, 0.8, 0.2], [0.3, 0.55, 0.9]),
    "grid:5": ([0.3, 0.4, 0.7, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1]),
    "random": ([0.2, 0.3, 0.8], [0.2, 0.3, 0.75]),
    "random:5": ([0.1, 0.5, 0.3, 0.7, 0.6], [0.11, 0.51, 0.31, 0.71, 0.61]),
    "tpe:5": ([0.1, 0.5, 0.3, 0.7, 0.6], [0.12, 0.52, 0.32, 0.72, 0.62]),
    "oracle:11": ([0.1] * 11, [0.1] * 10 + [0.85]),
    "best-of:5:none": ([0.1, 0.2, 0.2, 0.5, 0.4], [0.4, 0.5, 0.6, 0.7, 0.8]),
    "best-of:3:second": ([0.4, 0.2, 0.6], [0.45, 0.25, 0.65]),
}
SINGLE = {"none": 0.4, "second": 0.45}
# what each task and seed adds to all of these: paired differences are the same everywhere
OFFSETS = np.array([[0.0, 0.01], [0.1, 0.11]])
SHIFT = OFFSETS.mean()


def record(name, task):
    validation, test = CANDIDATES.get(name, ([0.5], [SINGLE.get(name)]))
    count = len(validation)
    offsets = np.repeat(OFFSETS[TASKS.index(task)], count)
    values = np.tile(validation, SEEDS)[:, None].repeat(EPOCHS, axis=1)
    tests = np.tile(test, SEEDS) + offsets
    curves = dict.fromkeys(
        ("levels", "train_loss", "train_acc", "val_loss", "average_val_loss"), np.ones_like(values)
    )
    runs = Runs(**curves, val_acc=values, average_val_acc=values, **dict.fromkeys(TEST_SCORES, tests))
    if name in SINGLE:
        return runs.as_record(name, np.full(SEEDS, float(EPOCHS)))
    anytime = not name.startswith(("grid", "oracle"))
    settings = np.tile(np.arange(float(count)), (SEEDS, 1))
    return picked_record(name, runs, settings, anytime=anytime, by_test=name.startswith("oracle"))


@pytest.fixture
def results(controller_file):
    """Makes the results of a study whose searches have three runs; `second` is a controller."""

    def make(*methods):
        study = resolved(
            {
                "name": "by hand",
                "seeds": SEEDS,
                "runs": 3,
                "reference": methods[0],
                "methods": [name.replace("second", str(controller_file)) for name in methods],
                "tasks": [{"name": name, "data": "wine", "epochs": EPOCHS} for name in TASKS],
            },
            "the test's study",
        )
        made = study.make_methods()
        assert [method.name for method in made] == list(methods)
        keys = [(task, name) for task in TASKS for name in methods]
        records = {(task, name): record(name, task) for task, name in keys}
        return Results(study, made, records, {key: list(range(SEEDS)) for key in keys}, {}, [], {})

    return make


def accuracies(equal):
    return {
        row.name: {count: round(at.accuracy.mean - SHIFT, 9) for count, at in row.at.items()}
        for row in equal.rows
    }


def test_prefixes_of_what_can_be_stopped_and_whole_grids(results):
    equal = summarise(results("none", "grid", "grid:5", "random:5", "best-of:5:none"), "last").equal_runs
    assert equal.counts == (1, 3, 5) and equal.reference is None
    assert accuracies(equal) == {
        "grid:K": {3: 0.55, 5: 0.6},
        "random:K": {1: 0.11, 3: 0.51, 5: 0.71},
        # of two equal picks the earlier: .5, not .6
        "best-of:K:none": {1: 0.4, 3: 0.5, 5: 0.7},
        "none": {1: 0.4},
    }
    assert all(at.difference is None for row in equal.rows for at in row.at.values())


def test_a_search_of_that_budget_comes_before_the_first_runs_of_a_longer_one(results):
    equal = summarise(results("none", "random:5", "random"), "last").equal_runs
    assert accuracies(equal)["random:K"] == {1: 0.2, 3: 0.75, 5: 0.71}


def test_differences_are_from_as_many_runs_of_the_controller(results):
    methods = ("none", "second", "best-of:5:none", "random:5", "grid", "best-of:3:second", "oracle:11")
    equal = summarise(results(*methods), "last").equal_runs
    assert equal.reference == "best-of:K:second"
    # the oracle's 11 runs are no reason to compare at 11
    assert equal.counts == (1, 3, 5)
    assert [row.name for row in equal.rows] == [
        "best-of:K:second", "best-of:K:none", "random:K", "grid:K", "none", "second", "oracle:K",
    ]  # fmt: skip
    assert [row.oracle for row in equal.rows] == [False] * 6 + [True]
    rows = {row.name: row.at for row in equal.rows}
    assert all(at.difference is None for at in rows["best-of:K:second"].values())
    expected = {
        ("random:K", 1): 0.11 - 0.45,
        ("random:K", 3): 0.51 - 0.65,
        ("grid:K", 3): 0.55 - 0.65,
        ("none", 1): 0.4 - 0.45,
        ("second", 1): 0.0,
    }
    for (name, count), difference in expected.items():
        found = rows[name][count].difference
        for interval in (found.over_seeds, found.over_tasks):
            # the same on every task with every seed: unpaired, offsets of .11 would widen it
            assert (interval.mean, interval.low, interval.high) == pytest.approx([difference] * 3, abs=1e-9)
    # the controller has no five runs
    assert rows["random:K"][5].difference is None


def test_there_must_be_something_to_compare(results):
    assert summarise(results("none", "second"), "last").equal_runs is None
    assert summarise(results("none", "oracle:11"), "last").equal_runs is None
    assert summarise(results("best-of:5:none"), "last").equal_runs is None


def test_the_table(results):
    made = results("none", "grid", "random:5", "best-of:3:second", "oracle:11")
    summary = summarise(made, "last")
    table = equal_runs_table(made, summary, summary.equal_runs)
    assert list(table.header) == [
        "Method", "1 run", "Difference", "3 runs", "Difference", "5 runs", "Difference",
    ]  # fmt: skip
    rows = {row[0].text: row[1:] for row in table.rows}
    assert [cell.text for cell in rows["best-of:K:second"]] == ["50.5", "", "70.5", "", "", ""]
    minus = "\N{MINUS SIGN}"
    assert [cell.text for cell in rows["grid:K"][2:4]] == ["60.5", f"{minus}10.0 [{minus}10.0, {minus}10.0]"]
    assert rows["grid:K"][3].mark == "*" and rows["grid:K"][0].text == ""
    bold = {(name, place) for name, cells in rows.items() for place in range(6) if cells[place].bold}
    assert bold == {("best-of:K:second", 0), ("best-of:K:second", 2), ("random:K", 4)}
    assert table.apart == 1 and table.rows[-1][0].mark == "†"
    assert "Differences in points from best-of:K:second" in table.caption
    plain = results("none", "grid", "random:5")
    summary = summarise(plain, "last")
    table = equal_runs_table(plain, summary, summary.equal_runs)
    assert list(table.header) == ["Method", "1 run", "3 runs", "5 runs"]
    assert "Differences" not in table.caption
    assert "equal-runs-deployed-clean.tex" in [name for name, _ in tables(plain)]


def test_what_a_longer_tpe_is_not_is_said(results):
    with_tpe, without = (
        equal_runs_definition(summarise(results("none", name), "last").equal_runs)
        for name in ("tpe:5", "random:5")
    )
    assert "TPE draws the first third of its own budget" in with_tpe and "TPE" not in without


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("grid", "grid:K"),
        ("grid:51", "grid:K"),
        ("tpe-hyperband:11", "tpe-hyperband:K"),
        ("best-of:5:tracking:0.5", "best-of:K:tracking:0.5"),
        ("constant:1", "constant:1"),
        ("tracking:0.5", "tracking:0.5"),
        ("iflood", "iflood"),
        ("controllers/mine.safetensors", "controllers/mine.safetensors"),
    ],
)
def test_names_without_their_numbers_of_runs(method, name):
    assert family(method) == name
