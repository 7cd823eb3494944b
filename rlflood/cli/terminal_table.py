"""Tables for a terminal of any width: what does not fit is folded, never cropped.

Lines break between words. A table whose words do not fit side by side gives up its frame first, then its
columns: each row becomes a record, ``heading: text`` a line.
"""

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT = 2


def print_table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, figures: bool = False
) -> None:
    """Show a table of plain text, nothing of which is taken for markup.

    The first column holds names that one copies into a command: never in two pieces while the terminal is
    wide enough for a name.

    Args:
        console: Where.
        columns: The headings.
        rows: One text a column in each; line breaks in them are kept.
        figures: Whether the other columns hold figures: set to the right, never in two pieces.
    """
    whole = [number == 0 or figures for number in range(len(columns))]
    texts = list(zip(columns, *rows, strict=True))
    wide = [max(map(_widest_line, column)) for column in texts]
    narrow = [
        max(_widest_word(column[0]), *map(_widest_line if keep else _widest_word, column[1:]), 0)
        for column, keep in zip(texts, whole, strict=True)
    ]
    count = len(columns)
    if sum(narrow) <= (room := console.width - 3 * count - 1):
        table = Table()
    elif sum(narrow) <= (room := console.width - 2 * (count - 1)):
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    else:
        _print_records(console, columns, rows)
        return
    for number, (heading, width) in enumerate(zip(columns, _shared_out(room, narrow, wide), strict=True)):
        side = "right" if figures and number else "left"
        table.add_column(Text(heading), width=width, justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _shared_out(room: int, narrow: Sequence[int], wide: Sequence[int]) -> list[int]:
    """The columns' widths: all that they could use if there is room, else from what they need upwards."""
    widths = list(narrow)
    left = room - sum(narrow)
    while left > 0 and any(width < most for width, most in zip(widths, wide, strict=True)):
        # to the column that lacks the most
        place = max(range(len(widths)), key=lambda number: wide[number] - widths[number])
        widths[place] += 1
        left -= 1
    return widths


def _print_records(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        for place, (heading, text) in enumerate(zip(columns, row, strict=True)):
            if place and not text:
                continue
            indent = _INDENT if place else 0
            # below its heading what would be broken beside it
            fits = indent + cell_len(heading) + 2 + _widest_line(text) <= console.width
            between = " " if fits or _widest_line(text) > console.width - indent else "\n"
            line = Text(f"{heading}:", style="bold").append(Text(between + text, style="not bold"))
            console.print(Padding(line, (0, 0, 0, indent), expand=False), overflow="fold", highlight=False)


def _widest_line(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _widest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)
