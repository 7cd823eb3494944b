"""``.. controller-file:: default``: what the file of a shipped controller holds, read from the file."""

import json
from typing import Any

from docutils import nodes
from rst_table import code, rst_table
from safetensors import safe_open
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlflood.control.shipped import controller_file


class ControllerFile(SphinxDirective):
    """The tensors and the header of one file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        with safe_open(controller_file(self.arguments[0]), framework="numpy") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
            header = json.loads(file.metadata()["controller"])
        cells = [(code(name), code(str(tuple(shape)))) for name, shape in shapes.items()]
        header["provenance"] = {key: "..." for key in header["provenance"]}
        shown = "\n".join(f"   {line}" for line in json.dumps(header, indent=1).splitlines())
        table = rst_table(("tensor, float32", "shape"), cells)
        return self.parse_text_to_nodes(f"{table}\n.. code-block:: json\n\n{shown}\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("controller-file", ControllerFile)
    return {"parallel_read_safe": True}
