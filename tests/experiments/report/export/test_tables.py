"""Exports read back: what stands in the records stands in both kinds of file."""

import csv
import dataclasses
import sys

import numpy as np
import pytest

from rlflood.errors import InputError
from rlflood.experiments.report.export.tables import export
from rlflood.extras import MissingPackage

pq = pytest.importorskip("pyarrow.parquet")
NAMES = {"runs", "epochs", "candidates", "diagnosis", "perturbation", "timings"}


@pytest.fixture(scope="module")
def results(invented_results):
    return invented_results()


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "made by it"
    export(results, folder)
    return folder


def rows(folder, name):
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def one(folder, name, **keys):
    return [row for row in rows(folder, name) if all(row[key] == value for key, value in keys.items())]


def test_the_files_are_those_returned(results, tmp_path):
    written = export(results, tmp_path)
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert {path.stem for path in written} == NAMES and {path.suffix for path in written} == {
        ".csv",
        ".parquet",
    }


@pytest.mark.parametrize("name", sorted(NAMES))
def test_csv_and_parquet_hold_the_same(folder, name):
    table = pq.read_table(folder / f"{name}.parquet")
    with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    assert header == table.column_names and len(lines) == table.num_rows > 0

    def same(text, value):
        if value is None or isinstance(value, str):
            return text == (value or "")
        return text == str(value).lower() if isinstance(value, bool) else float(text) == value

    for line, row in zip(lines, table.to_pylist(), strict=True):
        assert all(same(text, value) for text, value in zip(line, row.values(), strict=True)), (line, row)


def test_a_run_is_its_row(results, folder):
    task, record = results.study.tasks[1], results.records["a|b_c & d", "grid"]
    (row,) = one(folder, "runs", task="a|b_c & d", method="grid", repeat=2)
    setting = results.study.setting(task)
    assert row["data_seed"] == setting.data_seeds[2] and row["network_seed"] == setting.network_seeds[2]
    assert row["test_acc_best"] == record.test_acc_best[2]
    assert row["noisy_test_acc_last"] == record.noisy_test_acc_last[2]
    assert row["knob"] == "level" and row["epochs_spent"] == 36 and row["oracle"] is False
    assert row["picked_last"] == record.search.values[2, record.search.picked_last[2]]
    assert row["picked_best"] == record.search.values[2, record.search.picked_best[2]]
    assert (row["data"], row["label_noise"], row["hidden"], row["batch_size"]) == ("wine", 0.2, "16-8", None)
    (plain,) = one(folder, "runs", task="a|b_c & d", method="none", repeat=2)
    assert (plain["knob"], plain["picked_last"], plain["epochs_spent"]) == (None, None, 12)
    assert len(rows(folder, "runs")) == 2 * 4 * 4
    assert "seconds" not in row


def test_curves_go_back_into_arrays(results, folder):
    record = results.records["wine, 20 % noise", "tracking"]
    found = one(folder, "epochs", task="wine, 20 % noise", method="tracking")
    for column, curve in (("level", record.levels), ("val_loss", record.val_loss)):
        assert np.array_equal(np.reshape([row[column] for row in found], (4, 12)), curve)
    assert [(row["repeat"], row["epoch"]) for row in found[11:13]] == [(0, 12), (1, 1)]


def test_candidates_with_the_pick_marked(results, folder):
    search = results.records["wine, 20 % noise", "oracle"].search
    found = one(folder, "candidates", task="wine, 20 % noise", method="oracle")
    assert [row["value"] for row in found] == [0.0, 0.25, 0.5] * 4
    assert [row["candidate"] for row in found if row["picked_last"]] == search.picked_last.tolist()
    assert [row["candidate"] for row in found if row["picked_best"]] == search.picked_best.tolist()
    # the second candidate of the second repeat diverged
    assert found[4]["val_acc_last"] is None and found[4]["epochs_spent"] == 12
    assert found[5]["val_acc_last"] == search.val_acc_last[1, 2]
    assert {row["method"] for row in rows(folder, "candidates")} == {"grid", "oracle"}


def test_a_place_for_a_candidate_that_a_repeat_does_not_have_is_no_row(invented_results, tmp_path):
    results = invented_results(("none", "grid"))
    key = "wine, 20 % noise", "grid"
    record = results.records[key]
    values, epochs = record.search.values.copy(), record.search.epochs.copy()
    values[3, 2], epochs[3, 2] = np.nan, 0
    search = dataclasses.replace(record.search, values=values, epochs=epochs)
    results.records[key] = dataclasses.replace(record, search=search)
    export(results, tmp_path)
    found = one(tmp_path, "candidates", task=key[0])
    assert [(row["repeat"], row["candidate"]) for row in found[-3:]] == [(2, 2), (3, 0), (3, 1)]


def test_diagnoses_say_whose_labels(results, folder):
    diagnosis = results.diagnoses["wine, 20 % noise", "grid"]
    found = one(folder, "diagnosis", task="wine, 20 % noise", method="grid", repeat=1)
    assert [row["epoch"] for row in found] == [1, 2, 4, 8, 12]
    for column, curve in (
        ("noisy_test_loss", diagnosis.noisy_test_loss),
        ("noisy_test_acc", diagnosis.noisy_test_acc),
        ("test_acc", diagnosis.test_acc),
        ("gradient_norm", diagnosis.gradient_norm),
    ):
        assert [row[column] for row in found] == curve[1].tolist()


def test_perturbations_of_both_networks(results, folder):
    diagnosis = results.diagnoses["wine, 20 % noise", "grid"]
    keys = {"task": "wine, 20 % noise", "repeat": 1}
    found = one(folder, "perturbation", method="grid", network="below level", **keys)
    assert [row["alpha"] for row in found] == diagnosis.alphas.tolist()
    assert [row["noisy_test_loss"] for row in found] == diagnosis.perturbed_noisy_test_loss[0, 1].tolist()
    assert {row["reached_epoch"] for row in found} == {4}
    missing = one(folder, "perturbation", method="none", network="below level", **keys)
    assert {(row["train_loss"], row["reached_epoch"]) for row in missing} == {(None, None)}


def test_equal_results_give_equal_bytes(invented_results, folder, tmp_path):
    for path in export(invented_results(), tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_an_unfinished_study_exports_what_is_there(invented_results, tmp_path):
    results = invented_results()
    results.repeats["a|b_c & d", "none"] = [0, 1, 3, 5]
    del results.records["a|b_c & d", "grid"], results.diagnoses["a|b_c & d", "grid"]
    study = results.study.model_copy(update={"seeds": 6})
    export(dataclasses.replace(results, study=study), tmp_path)
    assert [row["repeat"] for row in one(tmp_path, "runs", task="a|b_c & d", method="none")] == [0, 1, 3, 5]
    assert not one(tmp_path, "epochs", task="a|b_c & d", method="grid")


def test_tables_without_rows_have_their_columns(invented_results, folder, tmp_path):
    results = dataclasses.replace(invented_results(("none",)), diagnoses={})
    export(results, tmp_path)
    for name in ("candidates", "diagnosis", "perturbation"):
        empty = pq.read_table(tmp_path / f"{name}.parquet")
        assert empty.num_rows == 0
        assert empty.schema.equals(pq.read_table(folder / f"{name}.parquet").schema)


def test_what_a_person_can_put_right(results, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export(results, tmp_path / "file")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackage, match="an export needs pyarrow: pip install"):
        export(results, tmp_path / "new")
    assert not (tmp_path / "new").exists()
