"""Which columns are features, and what of a table is told or refused."""

import warnings

import numpy as np
import pytest

from rlflood.data import load
from rlflood.data.csv_table import read_csv
from rlflood.data.labels import class_names
from rlflood.errors import InputError, RlfloodWarning

ROWS = 24
TEXT = ["red", "green", "blue", "red"]


def csv(folder, **columns):
    """A table with a feature ``x``, the columns given, each a function of the row's number, and a label."""
    columns = {"x": lambda i: f"{i * i / 7:.3f}", **columns}
    columns.setdefault("label", lambda i: "ab"[i >= ROWS // 2])
    lines = [",".join(str(column(i)) for column in columns.values()) for i in range(ROWS)]
    path = folder / "data.csv"
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return str(path)


def named(name, column):
    return {name: column}


@pytest.mark.parametrize(
    ("name", "column", "why"),
    [
        ("Unnamed: 0", lambda i: i, "numbers the rows"),
        ("", lambda i: i, "'Unnamed: 1' numbers the rows"),
        ("n", lambda i: 1000 - i, "numbers the rows"),
        ("zeile", lambda i: 7 * i % ROWS + 1, "numbers the rows"),
        ("Unnamed: 0", lambda i: i % 10, "is the index of a table"),
        ("id", lambda i: i * i, "tells every row from all others"),
        ("CustomerID", lambda i: f"C{i}", "tells every row from all others"),
    ],
)
def test_columns_that_tell_rows_apart_are_left_out_with_a_warning(tmp_path, name, column, why):
    with pytest.warns(RlfloodWarning, match=f"{why}.*left out of the features.*--keep") as caught:
        source = load(csv(tmp_path, **{name: column}))
    assert source.features == 1 and len(caught) == 1


def test_a_counter_does_not_give_the_labels_away(tmp_path):
    """In a file that is sorted by its labels the index says all; without it there is noise only."""
    rng = np.random.default_rng(0)
    path = csv(tmp_path, x=lambda i: rng.normal(), index=lambda i: i)
    with pytest.warns(RlfloodWarning):
        x, labels = read_csv(path, None)
    assert x.shape == (ROWS, 1)
    kept, _ = read_csv(path, None, keep=["index"])
    assert ((kept[:, 1] >= ROWS // 2) == (labels == "b")).all()


@pytest.mark.parametrize("keep", ["Unnamed: 0", "n"])
def test_a_column_is_kept_on_demand(tmp_path, keep):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(csv(tmp_path, **{keep: lambda i: i}), keep=[keep]).features == 2


@pytest.mark.parametrize(
    ("column", "name"),
    [(lambda i: i * i, "t"), (lambda i: i / 2, "t"), (lambda i: i % 5, "id"), (lambda i: 7, "n")],
)
def test_features_that_only_rise_or_repeat_stay(tmp_path, column, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(csv(tmp_path, **{name: column})).features == 2


@pytest.mark.parametrize("keep", ["n", "label"])
def test_a_column_that_cannot_be_kept(tmp_path, keep):
    with pytest.raises(InputError, match=f"'{keep}' cannot be kept"):
        load(csv(tmp_path), keep=[keep])


def test_a_table_of_a_counter_alone_has_no_features(tmp_path):
    with pytest.warns(RlfloodWarning), pytest.raises(InputError, match="has no features"):
        load(csv(tmp_path, x=lambda i: i))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1_0", "10"], ("10", "1_0")),
        (["10", "9.0", "9", "1e1"], ("9", "10")),
        (["\uff11", "1"], ("1", "\uff11")),
        (["inf", "1"], ("1", "inf")),
        (["1e400", "1"], ("1", "1e400")),
        (["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993")),
    ],
)
def test_labels_are_numbers_only_where_all_are_plain_ones(tmp_path, labels, classes):
    path = csv(tmp_path, label=lambda i: labels[i % len(labels)])
    assert class_names(read_csv(path, None)[1]) == classes


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            lambda i: "1_000" if i == 3 else i * i,
            r"the text '1_000' in row 4 \(line 5\), column 'c'.*correct the cell",
        ),
        (lambda i: "NA" if i == 3 else i * i, r"'NA' in row 4 \(line 5\), column 'c', which says .*missing"),
        (lambda i: "" if i == 3 else "red", r"empty cell in row 4 \(line 5\), column 'c'"),
        (lambda i: TEXT[i % 4], r"the text 'red' in row 1 \(line 2\), column 'c'.*--encode"),
        (lambda i: i % 2 == 0, r"the text 'True' in row 1 .*--encode"),
        (lambda i: f"2020-02-{i + 1:02}", r"the text '2020-02-01' in row 1 .*--encode"),
    ],
)
def test_text_among_features_is_refused_and_encoding_named(tmp_path, column, message):
    with pytest.raises(InputError, match=message):
        load(csv(tmp_path, c=column))


def test_a_long_text_is_no_label(tmp_path):
    with pytest.raises(InputError, match="texts of up to 300 characters"):
        load(csv(tmp_path, label=lambda i: "ab"[i % 2] * 300))
