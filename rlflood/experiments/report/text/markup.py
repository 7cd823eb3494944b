"""Tables as Markdown and as LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"
_MARKDOWN = "\\`*_{}[]<>#|~&$"
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # after the end of a row, these two belong to the command that ends it
    "[": "{[}",
    "*": "{*}",
    # two hyphens would become a dash
    "-": "{-}",
    "±": r"$\pm$",
    MINUS: "$-$",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
}


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in a cell.

    Attributes:
        text: As a person reads it.
        bold: Whether it is the best of its kind.
        mark: A sign behind it that the caption explains, such as ``*``.
    """

    text: str
    bold: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading for each column; the first column is of words, the others of figures.

    Attributes:
        caption: What it shows.
        header: One text a column.
        rows: One cell a column in each.
        apart: How many rows at the end stand apart from the others.

    Raises:
        ValueError: if a row has more or fewer cells than the header.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Text]]
    apart: int = 0

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError("a table has one cell a column in each row")


def markdown(table: Table) -> str:
    """The table as GitHub's Markdown, its caption below."""
    lines = [
        [escape_markdown(name) for name in table.header],
        ["---", *["---:"] * (len(table.header) - 1)],
        *([_markdown_cell(cell) for cell in row] for row in table.rows),
    ]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\n{escape_markdown(table.caption)}\n"


def latex(table: Table, label: str) -> str:
    """The table as LaTeX, over the whole page's width, with the rules of booktabs.

    Args:
        table: The table.
        label: What it is referred to by, after ``tab:``; letters, figures and hyphens.
    """
    whole = [_latex_row([_latex_cell(cell) for cell in row]) for row in table.rows]
    split = len(whole) - table.apart
    rows = [*whole[:split], *(["\\midrule"] if 0 < split < len(whole) else []), *whole[split:]]
    # more columns than this do not fit a page at the usual size
    size = "\\footnotesize" if len(table.header) <= 9 else "\\scriptsize\\setlength{\\tabcolsep}{3pt}"
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        f"\\centering{size}",
        f"\\caption{{{escape_latex(table.caption)}}}",
        f"\\label{{tab:{label}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
        "\\toprule",
        _latex_row([escape_latex(name) for name in table.header]),
        "\\midrule",
        *rows,
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """A person's text so that Markdown shows it as it is, within one line."""
    return "".join(f"\\{letter}" if letter in _MARKDOWN else letter for letter in " ".join(text.split()))


def escape_latex(text: str) -> str:
    """A person's text so that LaTeX shows it as it is."""
    # words of letters and single hyphens stay as they are, so that lines can break in them
    text = " ".join(text.split())
    return "".join(
        letter if letter == "-" and "--" not in text else _LATEX.get(letter, letter) for letter in text
    )


def _markdown_cell(cell: Text) -> str:
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold and text else text) + escape_markdown(cell.mark)


def _latex_cell(cell: Text) -> str:
    text = escape_latex(cell.text)
    mark = f"\\textsuperscript{{{escape_latex(cell.mark)}}}" if cell.mark else ""
    return (f"\\textbf{{{text}}}" if cell.bold else text) + mark


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"
