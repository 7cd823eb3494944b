import os
from pathlib import Path

import numpy as np
import pytest

from rlflood.data import load
from rlflood.data.csv_table import read_csv
from rlflood.data.labels import encode_labels
from rlflood.errors import InputError

# twelve rows are few, and most tests here have no more
pytestmark = pytest.mark.filterwarnings("ignore:Classes of fewer than 10:rlflood.errors.RlfloodWarning")

SIZES = {"train_size": 6, "val_size": 4, "test_size": None, "label_noise": 0.0, "seed": 0}
X = np.arange(24.0).reshape(12, 2)
Y = np.array([0, 1] * 6)


def npz(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def csv(folder, text, encoding="utf-8"):
    path = folder / "data.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def rows(header="a,b,target", count=12, label=lambda i: "yes" if i % 2 else "no"):
    return "\n".join([header, *(f"{i * i},{i * 0.5},{label(i)}" for i in range(count))]) + "\n"


def fails(path, message, **keywords):
    with pytest.raises(InputError, match=message) as caught:
        load(str(path), **keywords)
    assert "\n" not in str(caught.value)


def test_npz_images_are_flattened_and_text_labels_numbered(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (12, 4, 5, 3), dtype=np.uint8)
    source = load(npz(tmp_path, x=x, y=np.array(["cat", "ant", "bee"] * 4)))
    assert (source.classes, source.features, source.size) == (3, 60, 12)
    splits = source.split(**SIZES)
    assert splits.train.x.shape == (6, 60)
    assert len(splits.test) == 2


def test_npz_labels_may_be_a_column(tmp_path):
    assert load(npz(tmp_path, x=X, y=Y[:, None])).classes == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": Y}, r"no array x \(it has: y\)"),
        ({"a": Y}, "no array x and no array y"),
        ({"x": X, "y": Y[:-1]}, "x in .* has 12 samples, but y has 11"),
        ({"x": X[:, 0], "y": Y}, r"x in .* has shape \(12,\)"),
        ({"x": X[:0], "y": Y[:0]}, r"x in .* has shape \(0, 2\)"),
        ({"x": X.astype(str), "y": Y}, "x in .* is of type <U"),
        ({"x": X * 1j, "y": Y}, "x in .* is of type complex128"),
        ({"x": X.astype(object), "y": Y}, "pickled objects"),
        ({"x": X, "y": Y.astype(object)}, "pickled objects"),
        ({"x": X, "y": np.eye(12)}, r"argmax\(axis=1\)"),
        ({"x": X, "y": Y + 0.5}, r"y in .*row 1 is 0\.5"),
        ({"x": X, "y": Y * 0}, "y in .*all 0"),
        ({"x": X, "y": np.array([0] * 10 + [1] * 2)}, r"fewer than 3 samples: 1 \(2\)"),
    ],
)
def test_npz_faults_are_named(tmp_path, arrays, message):
    fails(npz(tmp_path, **arrays), message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_npz_numbers_that_cannot_be_learned_from_are_named_by_row_and_column(tmp_path, value):
    x = X.copy()
    x[4, 1] = value
    fails(npz(tmp_path, x=x, y=Y), "in row 5, column 2")


def test_npz_that_is_damaged_or_something_else(tmp_path):
    content = Path(npz(tmp_path, x=X, y=Y)).read_bytes()
    for name, damaged in (
        ("cut.npz", content[: len(content) // 2]),
        ("junk.npz", b"no archive at all"),
        ("flipped.npz", content[:200] + bytes(255 - byte for byte in content[200:260]) + content[260:]),
    ):
        (tmp_path / name).write_bytes(damaged)
        fails(tmp_path / name, r"damaged or no \.npz file|no \.npz file or holds pickled")
    (tmp_path / "empty.npz").touch()
    fails(tmp_path / "empty.npz", "is empty")
    with open(tmp_path / "single.npz", "wb") as file:
        np.save(file, X)
    fails(tmp_path / "single.npz", "a single array")


def test_paths_that_are_no_files(tmp_path):
    fails(tmp_path / "none.npz", "none.npz does not exist")
    fails(tmp_path / "none.csv", "none.csv does not exist")
    (tmp_path / "folder.csv").mkdir()
    fails(tmp_path / "folder.csv", "is a folder")
    (tmp_path / "data.txt").touch()
    fails(tmp_path / "data.txt", r"is text: if it is a table with a header row, name it \.csv")


def test_a_target_is_for_csv_and_options_are_for_generators(tmp_path):
    path = npz(tmp_path, x=X, y=Y)
    fails(path, "has its labels in y", target="b")
    fails(path, "does not know the option shift: it has none", options={"shift": 1})


def test_csv_values_and_labels_are_read(tmp_path):
    path = csv(tmp_path, rows())
    source = load(path)
    assert (source.classes, source.features, source.size) == (2, 2, 12)
    x, labels = read_csv(path, None)
    np.testing.assert_array_equal(x, [[i * i, i / 2] for i in range(12)])
    np.testing.assert_array_equal(labels, ["no", "yes"] * 6)


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
def test_csv_target_is_found_by_its_name(tmp_path, name):
    assert load(csv(tmp_path, rows(f"a,b,{name}"))).features == 2


def test_csv_target_may_be_any_named_column(tmp_path):
    source = load(csv(tmp_path, rows("a,b,kind of thing")), target="kind of thing")
    assert source.classes == 2


def test_csv_takes_byte_order_marks_quotes_semicolons_tabs_and_blank_lines(tmp_path):
    text = rows(header='"a",b , target').replace("\n", "\r\n")
    for delimiter in (",", ";", "\t"):
        content = text.replace(",", delimiter) + "\r\n \r\n"
        assert load(csv(tmp_path, content, "utf-8-sig")).size == 12


def test_csv_numbers_as_labels_sort_as_numbers(tmp_path):
    path = csv(tmp_path, rows(label=lambda i: ("9", "10.0", "10", "9.0")[i % 4]))
    labels = encode_labels(read_csv(path, None)[1], "target")
    np.testing.assert_array_equal(labels, [0, 1, 1, 0] * 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,target\n", "no data rows"),
        (rows("a,b,c"), "no column called target, label, class or y: .* the file has a, b, c"),
        (rows("label,b,target"), "several columns called"),
        (rows("1,2,3"), "add a header row"),
        (rows("a,,target"), r"without a name \(column 2\)"),
        (rows("a,a,target"), r"same name \(a\)"),
        ("target\n1\n0\n", "one column only"),
        (rows() + "1,2\n", r"2 cells in row 13 \(line 14\), but 3 columns"),
        (rows() + "\n1,2,no,4\n", r"4 cells in row 13 \(line 15\)"),
        (rows() + "1,red,no\n", r"text 'red' in row 13 \(line 14\), column 'b'"),
        (rows() + "1,,no\n", r"empty cell in row 13 \(line 14\), column 'b': fill it in or remove the row"),
        (
            rows() + "1,,no\n,2,no\n1,,no\n,3,no\n,4,no\n",
            r"row 14 \(line 15\), column 'a' \(and 2 more of this",
        ),
        (rows() + "nan,1,no\n", r"'nan' in row 13 \(line 14\), column 'a'"),
        (rows() + "1,-inf,no\n", r"'-inf' in row 13 \(line 14\), column 'b'"),
        (rows() + "1,1e99,no\n", "'1e99' in row 13"),
        (rows() + "1,2,\n", r"no label in row 13 \(line 14\), column 'target': fill it in or remove the row"),
        (rows() + "1,2,\n" * 3, r"no label in row 13 \(line 14\), column 'target' \(and 2 more of this"),
        (rows(label=lambda i: str(i / 4)), r"target column of .*row 2 is 0\.25"),
        (rows(label=lambda i: "same"), "all 'same'"),
        (rows(label=str), r"fewer than 3 samples: 0 \(1\)"),
        (rows() + '1,"2,no\n', "not a CSV file"),
    ],
)
def test_csv_faults_are_named(tmp_path, text, message):
    fails(csv(tmp_path, text), message)


def test_csv_missing_target_column_lists_those_there_are(tmp_path):
    fails(csv(tmp_path, rows()), "no column 'c': choose the target among a, b, target", target="c")
    fails(csv(tmp_path, rows()), "did you mean target[?] choose the target among", target="Tagret")
    wide = ",".join(f"f{i}" for i in range(30))
    fails(csv(tmp_path, wide + "\n"), r"f19 and 10 more\.", target="c")


def test_csv_in_another_encoding(tmp_path):
    fails(csv(tmp_path, rows("größe,b,target"), "latin-1"), "not UTF-8")


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path):
    path = csv(tmp_path, rows())
    first = load(path)
    assert load(path) is first
    csv(tmp_path, rows(count=14))
    os.utime(path, ns=(0, 0))
    assert load(path).size == 14


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    csv(tmp_path, rows())
    assert load("~/data.csv").size == 12
