"""``.. commands::``: every command with its options and examples, from the command line itself."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main
from docutils import nodes
from rst_table import code, rst_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rlflood.cli import app as rlflood_app


class Commands(SphinxDirective):
    """A section a command."""

    def run(self) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for name, command in sorted(typer.main.get_command(rlflood_app).commands.items()):  # type: ignore[attr-defined]
            section = nodes.section(ids=[f"rlflood-{name}"], names=[f"rlflood-{name}"])
            section += nodes.title("", f"rlflood {name}")
            section += self.parse_text_to_nodes("\n".join(described(command)))
            found.append(section)
        return found


def described(command: Any) -> Iterator[str]:
    """A command's help as reStructuredText."""
    yield _text(command.help or "") + "\n"
    rows = [
        (_names(parameter), _text(getattr(parameter, "help", None) or ""), _default(parameter))
        for parameter in command.params
        if parameter.name != "help"
    ]
    yield rst_table(("option", "meaning", "default"), rows)
    examples = [line for line in (command.epilog or "").splitlines() if line.startswith("  ")]
    if examples:
        yield ".. code-block:: sh\n"
        yield from (f"   {line.strip()}" for line in examples)


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return code(parameter.name.upper())
    return code(", ".join(parameter.opts))


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return _text(shown)
    if parameter.required:
        return "required"
    flag = getattr(parameter, "is_flag", False)
    return "" if flag or parameter.default is None else code(str(parameter.default))


def _text(text: str) -> str:
    """Help as reStructuredText: what stands between single backticks is code."""
    return re.sub(r"`([^`]+)`", r"``\1``", text.replace("*", r"\*"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
