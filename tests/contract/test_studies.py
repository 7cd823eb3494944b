"""Studies, folders of results and tables that were written earlier."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments import load_results, load_study
from rlflood.experiments.report.export.tables import _COLUMNS
from rlflood.experiments.study.store import DATABASE

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "studies"
FIRST = {"budget": 3, "paper-table-2": 9, "quick": 3, "seeds-table": 3, "transfer": 16}
"""The first bundled studies, and how many tasks each had."""
OWN = sorted((ROOT / "docs" / "results").rglob("*.toml"))


@pytest.mark.parametrize(("name", "tasks"), FIRST.items())
def test_the_first_studies_are_read(name: str, tasks: int) -> None:
    assert len(load_study(str(FOLDER / f"{name}.toml")).tasks) == tasks


@pytest.mark.parametrize("file", OWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_studies_of_the_results_are_read(file: Path) -> None:
    assert load_study(str(file)).tasks


def test_a_key_that_no_file_has_any_more_is_named(tmp_path: Path) -> None:
    text = (ROOT / "docs/results/quick/study.toml").read_text()
    # a task's before version 0.2: the criterion label-smoothing took its place
    (tmp_path / "old.toml").write_text(text.replace("dropout = 0.0", "dropout = 0.0\nlabel_smoothing = 0.1"))
    with pytest.raises(InputError, match=r"label_smoothing: no such key"):
        load_study(str(tmp_path / "old.toml"))


def test_a_folder_of_results_is_read(tmp_path: Path) -> None:
    """Made by the commit before version 0.2."""
    (tmp_path / DATABASE).write_bytes(gzip.decompress((FOLDER / "results-2.sqlite.gz").read_bytes()))
    results = load_results(tmp_path)
    assert results.finished
    scores = {method: record.test_acc_last for (_, method), record in results.records.items()}
    assert set(scores) == {"none", "grid", "tracking"}
    for accuracies in scores.values():
        np.testing.assert_allclose(accuracies, [0.1, 0.5])


def test_no_column_of_an_export_is_lost_and_their_order_stays() -> None:
    promised: dict[str, dict[str, str]] = json.loads((FOLDER / "columns.json").read_text())
    assert set(promised) <= set(_COLUMNS)
    for table, columns in promised.items():
        assert {name: _COLUMNS[table].get(name) for name in columns} == columns, table
    for name in ("instead", "without-validation"):  # exported before version 0.2
        with (ROOT / "docs" / "results" / "many-steps" / f"{name}.csv").open() as file:
            header = file.readline().strip().split(",")
        assert [column for column in _COLUMNS["runs"] if column in header] == header
