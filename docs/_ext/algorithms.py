"""``.. algorithms::``: what can be set of each algorithm that trains controllers, and its tuned value."""

from typing import Any

from docutils import nodes
from fields import default_text, rows
from rst_table import code, rst_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlflood.agents.algorithm import ALGORITHMS, hyperparameters


class Algorithms(SphinxDirective):
    """A section an algorithm."""

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for name, algorithm in ALGORITHMS.items():
            section = nodes.section(ids=[f"algorithm-{name}"], names=[f"algorithm-{name}"])
            section += nodes.title("", name)
            tuned = hyperparameters(name, {})
            summary = (algorithm.hyperparameters.__doc__ or "").partition("\n")[0]
            cells = [
                (code(key), sort, code(default_text(getattr(tuned, key))), meaning)
                for key, sort, _, meaning in rows(algorithm.hyperparameters)
            ]
            table = rst_table(("field", "type", "tuned value", "meaning"), cells)
            section += self.parse_text_to_nodes(f"{summary}\n\n{table}")
            found.append(section)
        return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("algorithms", Algorithms)
    return {"parallel_read_safe": True}
