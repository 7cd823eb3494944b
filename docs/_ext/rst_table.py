"""A table in reStructuredText, which is what a directive parses."""

from collections.abc import Iterable, Sequence


def rst_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A list-table; cells are reStructuredText, their lines kept."""
    lines = [".. list-table::", "   :header-rows: 1", "   :align: left", ""]
    for row in (columns, *rows):
        for number, cell in enumerate(row):
            first, *others = cell.splitlines() or [""]
            lines.append(f"   {'  - ' if number else '* - '}{first}")
            lines += [f"       {other}" for other in others]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Literal text, or nothing."""
    return f"``{text}``" if text else ""
