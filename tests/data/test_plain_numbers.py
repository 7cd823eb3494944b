import pyarrow as pa
import pytest

from rlflood.data import plain_numbers as plain


@pytest.mark.parametrize("text", ["1", "-1", "+1.50", ".5", "5.", "007", "1e5", "-2.5E-3", "1" * 300])
def test_decimal_notation_is_a_number_as_python_has_it(text):
    assert plain.is_plain_number(text) and plain.all_plain(pa.array([text]))
    assert plain.numbers(pa.array([text]))[0] == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-",
        "1_000",
        "\uff11\uff12",
        "\u0663",
        "nan",
        "inf",
        "-Infinity",
        "0x10",
        "1 000",
        "1,5",
        "1e",
        "e5",
        "1e5.",
        "1\n",
        "1d",
    ],
)
def test_everything_else_is_text(text):
    assert not plain.is_plain_number(text) and not plain.all_plain(pa.array(["1", text]))


def test_a_number_beyond_float64_is_none():
    assert not plain.is_plain_number("1e400") and plain.is_plain_number("1e300")


@pytest.mark.parametrize("text", ["NA", "n/a", "NaN", "NULL", "None", "?", "-", ".", "#N/A", ""])
def test_markers_of_missing_values(text):
    assert plain.is_missing(text)


def test_what_may_stand_between_thousands():
    assert plain.may_be_thousands(pa.array(["1,234", "5", "12,345,678"]), ",")
    for text in ("0,234", "1,23", "1,2345", "1234,567"):
        assert not plain.may_be_thousands(pa.array(["1,234", text]), ",")
    assert not plain.may_be_thousands(pa.array(["5"]), ",")
    for text in ("1,234,567", "1.234,5", "1'234'567", "1 234", "1,234.5"):
        assert plain.has_thousands(text)
