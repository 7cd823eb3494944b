"""Tables at every width of a terminal: nothing is lost, and words stay whole while they can."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from rlflood.cli.terminal_table import print_table

COLUMNS = ("method", "final", "best checkpoint", "epochs")
FIGURES = [
    ("none", "40.9 ± 127.1", "41.2 ± 0.3", "1,200"),
    ("best-of:11:runs/of-mine/controller.safetensors", "9.9", "", "13,200"),
    ("[bold]x[/bold] 数据集 †", "100.0 ± 0.0", "-0.7 ± 1.2*", "1"),
]


def shown(columns, rows, width, **options):
    stream = io.StringIO()
    print_table(Console(file=stream, width=width), columns, rows, **options)
    return stream.getvalue()


def unbroken(text):
    """Without line breaks, spaces and frames."""
    return "".join(letter for letter in text if not letter.isspace() and letter not in "│┃┏┓└┘━─┳┡╇┩┴")


@pytest.mark.parametrize("width", range(12, 121, 4))
def test_no_letter_of_a_name_or_a_figure_is_lost_at_any_width(width):
    text = shown(COLUMNS, FIGURES, width, figures=True)
    assert "…" not in text
    assert all(cell_len(line) <= width for line in text.splitlines())
    for row in FIGURES:
        # a frame's cells of one row stand beside each other; a name alone fills a line of its own
        assert all(cell in text or unbroken(cell) in unbroken(text) for cell in row), row


@pytest.mark.parametrize("width", range(14, 121, 3))
def test_figures_stand_in_one_piece_wherever_they_fit_a_line(width):
    text = shown(COLUMNS, FIGURES, width, figures=True)
    assert all(figure in text for row in FIGURES for figure in row[1:])


@pytest.mark.parametrize("width", range(14, 121, 3))
def test_lines_break_between_words(width):
    rows = [("decision-tree", "classes, dimensions, depth", "generator"), ("wine", "", "178")]
    text = shown(("name", "options", "samples"), rows, width)
    for word in ("decision-tree", "classes,", "dimensions,", "depth", "generator", "178", "options"):
        assert word in text


def test_a_table_that_fits_keeps_its_frame_and_one_that_does_not_becomes_records():
    rows = [("none", "40.9 ± 0.3", "1,200")]
    assert "│ none" in shown(("method", "final", "epochs"), rows, 80, figures=True)
    bare = shown(("method", "final", "epochs"), rows, 28, figures=True)
    assert "│" not in bare and bare.splitlines()[-1].split() == ["none", "40.9", "±", "0.3", "1,200"]
    records = shown(("method", "final", "epochs"), rows, 22, figures=True).splitlines()
    assert records == ["method: none", "  final: 40.9 ± 0.3", "  epochs: 1,200"]
