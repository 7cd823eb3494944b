"""Records, the rows made of them, and their JSON."""

import dataclasses
import json

import numpy as np
import pytest

from rlflood import __version__
from rlflood.experiments import Record, mean_interval, rows
from rlflood.experiments.runs.record import FORMAT, comparison_json


def test_rows_compare_with_none_on_the_same_seeds(records):
    table = rows(records)
    none, tracking = records[0], records[2]
    assert [row.method for row in table] == ["none", "grid", "tracking", "constant:0.3"]
    assert table[0].difference is None
    expected = mean_interval(tracking.test_acc_last - none.test_acc_last)
    assert table[2].difference.difference == expected
    assert table[2].deployed == "last"
    assert table[2].accuracy == {
        "last": mean_interval(tracking.test_acc_last),
        "best": mean_interval(tracking.test_acc_best),
        "average": mean_interval(tracking.test_acc_average),
        "best-average": mean_interval(tracking.test_acc_best_average),
    }
    assert [row.epochs for row in table] == [12, 132, 12, 12]


def test_rows_against_noisy_test_labels(records):
    row = rows(records, noisy=True)[1]
    assert row.accuracy["last"] == mean_interval(records[1].noisy_test_acc_last)
    assert row.accuracy["best-average"] == mean_interval(records[1].noisy_test_acc_best_average)
    assert row.accuracy["last"].mean < rows(records)[1].accuracy["last"].mean


def test_a_difference_is_of_what_is_deployed(records):
    none, tracking = records[0], dataclasses.replace(records[2], deployed="best-average")
    found = rows([none, tracking])[1].difference.difference
    assert found == mean_interval(tracking.test_acc_best_average - none.test_acc_last)


def test_rows_without_the_reference_have_no_difference(records):
    assert all(row.difference is None for row in rows(records[1:]))


def test_json_holds_the_task_the_seeds_and_every_number_as_it_is(setting, records):
    content = json.loads(comparison_json(setting, records))
    assert content["format"] == FORMAT
    assert content["task"]["data"] == "wine" and content["task"]["hidden"] == [16]
    assert content["data_seeds"] == list(setting.data_seeds)
    assert content["network_seeds"] == list(setting.network_seeds)
    assert content["versions"]["rlflood"] == __version__
    for stored, record in zip(content["records"], records, strict=True):
        for field in dataclasses.fields(Record):
            value = getattr(record, field.name)
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(stored[field.name], value)
    assert content["records"][0]["search"] is None and content["records"][0]["deployed"] == "last"
    assert content["records"][1]["search"]["picked_last"] == records[1].search.picked_last.tolist()


def test_numbers_that_are_not_finite_become_null(setting, records):
    val_loss = records[0].val_loss.copy()
    val_loss[0, 3], val_loss[1, 0] = np.nan, np.inf
    broken = dataclasses.replace(records[0], val_loss=val_loss)
    stored = json.loads(comparison_json(setting, [broken]))["records"][0]["val_loss"]
    assert stored[0][3] is None and stored[1][0] is None
    assert stored[2] == val_loss[2].tolist()


def test_a_run_that_ends_without_a_finite_loss_has_diverged(setting, records):
    assert records[0].diverged.tolist() == [False] * 3
    train_loss, val_loss = records[0].train_loss.copy(), records[0].val_loss.copy()
    train_loss[0, 2], train_loss[1, -1], val_loss[2, -1] = np.inf, np.inf, np.nan
    broken = dataclasses.replace(records[0], train_loss=train_loss, val_loss=val_loss)
    assert broken.diverged.tolist() == [False, True, True], "a loss that comes back has not ended"
    stored = json.loads(comparison_json(setting, [records[1], broken]))["records"]
    assert [record["diverged"] for record in stored] == [[False] * 3, [False, True, True]]


def test_a_record_whose_parts_do_not_fit_is_refused(records):
    with pytest.raises(ValueError, match="one shape"):
        dataclasses.replace(records[0], val_loss=records[0].val_loss[:, 1:])
    with pytest.raises(ValueError, match="one test accuracy"):
        dataclasses.replace(records[0], test_acc_last=np.zeros(5))
