"""How a table is told from the text of a file."""

import gzip
import warnings

import numpy as np
import pytest

from rlflood.data import load
from rlflood.data.csv_table import read_csv
from rlflood.errors import InputError, RlfloodWarning

ROWS = 24


def write(folder, text, encoding="utf-8", name="data.csv"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def table(header="a,b,label", separator=",", point="."):
    """24 rows of two numbers and a label; the numbers are i * i / 10 and -i."""
    lines = [
        separator.join((f"{i * i / 10}".replace(".", point), str(-2 * i), "ba"[i % 2])) for i in range(ROWS)
    ]
    return "\n".join([header, *lines]) + "\n"


def check(path):
    """The table is the one of ``table``, and nothing is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x, labels = read_csv(path, None)
    np.testing.assert_array_equal(x, [[float(f"{i * i / 10}"), -2 * i] for i in range(ROWS)])
    np.testing.assert_array_equal(labels, ["b", "a"] * (ROWS // 2))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_quoted_name_may_hold_any_separator(tmp_path, separator):
    header = separator.join(['"size, in cm; or | so"', '"b"', "label"])
    check(write(tmp_path, table(header, separator)))


def test_a_separator_that_a_name_holds_without_quotes_is_told_by_the_rows(tmp_path):
    check(write(tmp_path, table("size, cm;weight, kg;label", ";")))


@pytest.mark.parametrize(
    "before", ["sep=;\n", '"SEP=;"\r\n', "# made, today\n#\n\n# by me\n", "sep=;\n# made by me\n"]
)
def test_lines_before_the_header(tmp_path, before):
    path = write(tmp_path, before + table("a;b;label", ";"))
    check(path)
    with pytest.raises(InputError, match=rf"row 25 \(line {before.count(chr(10)) + 26}\)"):
        load(write(tmp_path, before + table("a;b;label", ";") + "1;2\n"))


def test_the_line_sep_is_obeyed(tmp_path):
    check(write(tmp_path, "sep=!\n" + table("a, x, y, z!b!label", "!")))


def test_a_header_in_a_comment_as_numpy_writes_it(tmp_path):
    check(write(tmp_path, "# by numpy\n" + table("# a,b,label")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding):
    check(write(tmp_path, table("größe,b,label"), encoding))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("cp1252", "Windows-1252 or Latin-1"), ("utf-16-le", "UTF-16 without a byte order mark")],
)
def test_other_encodings_are_named(tmp_path, encoding, message):
    with pytest.raises(InputError, match=message):
        load(write(tmp_path, table("größe,b,label"), encoding))


@pytest.mark.parametrize("name", ["data.csv.gz", "data.tsv.gz", "data.CSV", "data.tsv"])
def test_endings_and_gzip(tmp_path, name):
    path = tmp_path / name
    separator = "\t" if "tsv" in name else ","
    text = table(separator.join(("a", "b", "label")), separator).encode()
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    check(str(path))
    assert load(str(path)).size == ROWS


def test_a_damaged_gzip(tmp_path):
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(table().encode())[:-9])
    with pytest.raises(InputError, match="is damaged"):
        load(str(tmp_path / "data.csv.gz"))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\x03\x04", "Excel"), (b"PAR1", "Parquet"), (b"\xd0\xcf\x11\xe0", "Excel"), (b"BZh9", "bzip2")],
)
def test_other_formats_under_the_name_of_a_csv(tmp_path, content, message):
    (tmp_path / "data.csv").write_bytes(content + bytes(40))
    with pytest.raises(InputError, match=message):
        load(str(tmp_path / "data.csv"))


def test_a_file_without_a_header(tmp_path):
    with pytest.raises(InputError, match=r"starts with numbers \(5.1, 3.5, setosa\): add a header row"):
        load(write(tmp_path, table("5.1,3.5,setosa")), target="setosa")
    assert load(write(tmp_path, table("0,1,label"))).features == 2  # as pandas names columns


def test_open_quotes_and_text_behind_quotes_are_no_csv(tmp_path):
    for row in ('1,2,"a', '"1"2,2,a'):
        with pytest.raises(InputError, match=r"not a CSV file .*line 26"):
            load(write(tmp_path, table() + row + "\n"))


def test_a_row_in_quotes_over_two_lines_counts_once(tmp_path):
    text = table() + '1,2,"a\nb"\n' + "1,x,a\n"
    with pytest.raises(InputError, match=r"'x' in row 26 \(line 28\)"):
        load(write(tmp_path, text))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_and_told(tmp_path, separator):
    path = write(tmp_path, table(separator.join(("a", "b", "label")), separator, ","))
    with pytest.warns(RlfloodWarning, match=r"decimal comma, such as 0,0 in column 'a', are read as 0\.0"):
        x, _ = read_csv(path, None)
    np.testing.assert_array_equal(x[:, 0], [float(f"{i * i / 10}") for i in range(ROWS)])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1,234", "2"), r"'1,234' in column 'a', which may be 1\.234 or 1234"),
        (("0,5", "1.234"), r"'1\.234' in column 'b', which may be 1\.234 or 1234"),
        (
            ("1,234,567", "2"),
            r"'1,234,567' in row 1 \(line 2\), column 'a': write numbers with a decimal point",
        ),
        (("1.234,5", "2"), r"'1\.234,5' in row 1"),
    ],
)
def test_a_mark_that_may_stand_between_thousands_is_refused(tmp_path, cells, message):
    rows = [f"{cells[0]};{cells[1]};{'ab'[i % 2]}" for i in range(ROWS)]
    with pytest.raises(InputError, match=message):
        load(write(tmp_path, "\n".join(["a;b;label", *rows])))


def test_one_column_settles_what_the_comma_is_in_others(tmp_path):
    rows = [f"1,234;{i},5;{'ab'[i % 2]}" for i in range(ROWS)]
    with pytest.warns(RlfloodWarning, match="decimal comma"):
        x, _ = read_csv(write(tmp_path, "\n".join(["a;b;label", *rows])), None)
    assert x[1].tolist() == [1.234, 1.5]
