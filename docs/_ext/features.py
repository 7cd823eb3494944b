"""``.. features::``: what a policy sees, in order, for each kind of observation."""

from typing import Any

from docutils import nodes
from rst_table import code, rst_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlflood.control.features import FEATURES


class Features(SphinxDirective):
    """A row a kind."""

    def run(self) -> list[nodes.Node]:
        cells = [(code(kind), "; ".join(names)) for kind, names in FEATURES.items()]
        return self.parse_text_to_nodes(rst_table(("observation", "features, in order"), cells))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("features", Features)
    return {"parallel_read_safe": True}
