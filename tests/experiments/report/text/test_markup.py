"""Tables as text, read back by a Markdown parser and by the rules of LaTeX."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rlflood.experiments.report.text.markup import Table, Text, escape_latex, escape_markdown, latex, markdown

WEIRD = r"50 % of a_b & $c$ #1 | {x} ~ ^ \d <e> *f* [g] `h` --i & &amp;"
names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)


def one_line(text):
    return " ".join(text.split())


def rendered_cells(text):
    """The cells of a Markdown table by row, as a reader sees them: text, and whether it is bold."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    rows, row = [], []
    for before, token in itertools.pairwise(tokens):
        if token.type == "tr_open":
            row = []
            rows.append(row)
        if before.type in ("th_open", "td_open"):
            kinds = {child.type for child in token.children}
            assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, kinds
            row.append(("".join(child.content for child in token.children), "strong_open" in kinds))
    return rows


def latex_rows(text):
    """The rows of a LaTeX table, cut at what separates cells and not at what is escaped."""
    body = text[text.index("\\toprule") : text.index("\\bottomrule")]
    lines = [line for line in body.splitlines() if line.endswith("\\\\")]
    return [re.split(r"(?<!\\)&", line.removesuffix("\\\\")) for line in lines]


def check_latex(text):
    """Braces are balanced, environments nest, and no character with a meaning stands free."""
    open_environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(.*?)\}", text):
        if kind == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments
    bare = re.sub(r"\\[\\{}%$&#_]", "", text.split("\n", 1)[1])
    assert bare.count("{") == bare.count("}")
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert not set("#%~^_<>|") & set(bare)
    assert bare.count("$") % 2 == 0


def table(name=WEIRD, apart=0):
    return Table(
        f"About {name}",
        ["Method", name],
        [[Text("none"), Text("1.0 ± 0.5")], [Text(name, mark="†"), Text("2.0 ± 0.5", bold=True, mark="*")]],
        apart,
    )


def test_markdown_read_back():
    rows = rendered_cells(markdown(table()))
    assert rows == [
        [("Method", False), (WEIRD, False)],
        [("none", False), ("1.0 ± 0.5", False)],
        [(f"{WEIRD}†", False), ("2.0 ± 0.5*", True)],
    ]


@given(names)
def test_any_name_survives_markdown(name):
    rows = rendered_cells(markdown(table(name)))
    assert rows[2][0][0] == f"{one_line(name)}†"
    assert [len(row) for row in rows] == [2, 2, 2]


def test_latex_cell_by_cell():
    text = latex(table(apart=1), "the-label")
    check_latex(text)
    assert latex_rows(text)[1] == ["none ", r" 1.0 $\pm$ 0.5 "]
    assert latex_rows(text)[2][1] == r" \textbf{2.0 $\pm$ 0.5}\textsuperscript{{*}} "
    assert "\\begin{tabular}{lr}" in text and "\\label{tab:the-label}" in text
    # the row that stands apart has a rule above it
    assert text.count("\\midrule") == 2 and latex(table(), "x").count("\\midrule") == 1


def test_a_table_of_many_columns_is_set_smaller():
    wide, narrow = (
        latex(Table("About", ["Method"] * columns, [[Text("1")] * columns]), "x") for columns in (10, 9)
    )
    check_latex(wide)
    assert "\\scriptsize\\setlength{\\tabcolsep}{3pt}\n" in wide and "\\footnotesize\n" in narrow


@given(names)
def test_any_name_survives_latex(name):
    text = latex(table(name), "x")
    check_latex(text)
    assert {len(row) for row in latex_rows(text)} == {2}


def test_latex_escapes_are_the_standard_ones():
    assert escape_latex("a_b & 5 % #1 {x} $y$") == r"a\_b \& 5 \% \#1 \{x\} \$y\$"
    assert escape_latex(r"\d ~ ^ <e> |f|") == (
        r"\textbackslash{}d \textasciitilde{} \textasciicircum{} "
        r"\textless{}e\textgreater{} \textbar{}f\textbar{}"
    )
    assert escape_latex("best-of") == "best-of"
    assert escape_latex("a--b") == "a{-}{-}b"
    # after the end of a row, [ and * would be taken for the argument and the star of \\
    assert escape_latex("[a] *") == "{[}a] {*}"


def test_names_stay_on_one_line():
    assert escape_latex("a\n\nb") == escape_markdown("a \t b") == "a b"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="one cell a column"):
        Table("", ["a", "b"], [[Text("x")]])
