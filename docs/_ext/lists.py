"""``.. list-of:: methods``: what `rlflood list methods` shows, as a table."""

from typing import Any

from docutils import nodes
from rst_table import code, rst_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlflood.cli.lists import LISTINGS

_OF_THE_MACHINE = {"here", "file"}
"""Columns that depend on where the site is built."""


class ListOf(SphinxDirective):
    """One list; its first column is what a person types."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        columns, rows = LISTINGS[self.arguments[0]]()
        kept = [number for number, column in enumerate(columns) if column not in _OF_THE_MACHINE]
        cells = [[code(row[0]), *(_plain(row[number]) for number in kept[1:])] for row in rows]
        return self.parse_text_to_nodes(rst_table([columns[number] for number in kept], cells))


def _plain(text: str) -> str:
    """Text that is shown as it is, whatever reStructuredText makes of its marks."""
    return "".join("\\" + mark if mark in "*`_|\\" else mark for mark in text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("list-of", ListOf)
    return {"parallel_read_safe": True}
