"""The pages of results say what the runs beside them say."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import rivals, unseen
from benchmarks.results.cells import over_groups, over_seeds
from benchmarks.results.pages import FIGURES, TABLES, filled, named, pages
from benchmarks.results.runs import FOLDER, load

PAGES = sorted(FOLDER.glob("*.md"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_tables_are_those_of_the_runs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "run `make results`"


def test_every_table_stands_on_one_page() -> None:
    tables = [name for page in PAGES for name in named(page.read_text(encoding="utf-8"))]
    assert sorted(tables) == sorted(TABLES.keys() - {"readme"})


def test_every_page_is_in_the_index() -> None:
    listed = re.findall(r"^[a-z-]+$", (FOLDER / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.stem for page in PAGES if page.stem != "index")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_prose_has_few_numbers(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # what is generated, commands, links and names of methods are no prose
    for other in (r"<!-- table: .*?<!-- end -->", r"<!--.*?-->", r"```.*?```", r"\]\([^)]*\)", r"`[^`]*`"):
        text = re.sub(other, "", text, flags=re.DOTALL)
    for paragraph in text.split("\n\n"):
        assert len(re.findall(r"\d[\d.,]*", paragraph)) <= 2, paragraph


def test_a_cell_is_the_plain_mean_of_the_file() -> None:
    with (FOLDER / "controllers/runs.csv").open(newline="") as file:
        scores = [float(row["test_acc_final"]) for row in csv.DictReader(file) if row["method"] == "tpe"]
    assert len(scores) == 28 * 20
    assert f"| {100 * np.mean(scores):.1f} |" in next(
        line for line in unseen.methods().splitlines() if line.startswith("| tpe ")
    )


@pytest.mark.parametrize("name", ["grid-51", "wide-grid"])
def test_differences_between_files_are_between_the_same_seeds(name: str) -> None:
    seeds = unseen.controllers().seeds()
    other = load(f"controllers/{name}.csv", f"controllers/{name}.toml")
    assert other.seeds() == {repeat: seeds[repeat] for repeat in other.repeats}
    assert [task.name for task in other.tasks] == [task.name for task in unseen.controllers().tasks]


def test_a_method_of_one_run_has_a_budget_of_one() -> None:
    runs = rivals.quick()
    assert [runs.budget(method) for method in ("none", "grid", "best-of:5:tracking")] == [1, 11, 5]


def test_data_sets_are_drawn_with_all_of_their_tasks() -> None:
    rng = np.random.default_rng(0)
    none = np.full((4, 50), 0.5)
    # two data sets, one of them with three tasks that all gain: as one of two it may not be drawn at all
    gains = np.array([0.1, 0.1, 0.1, -0.1])[:, None] + rng.normal(0, 1e-3, size=(4, 50))
    assert over_seeds(none + gains, none).mark == "*"
    assert over_groups(none + gains, none, ["a", "a", "a", "b"]).text == "[\N{MINUS SIGN}10.0, +10.0]"


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_same_each_time(name: str) -> None:
    pytest.importorskip("matplotlib")
    first = FIGURES[name]()
    assert FIGURES[name]() == first
    assert b"<dc:date>" not in first
    # of the committed one the words alone: lines differ in the last digits between Matplotlib's versions
    words = re.compile(rb"<!-- (.*?) -->")
    assert words.findall(first) == words.findall((FOLDER / name).read_bytes())
