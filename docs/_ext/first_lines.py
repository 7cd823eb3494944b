"""Let the first line of a property's docstring hold a colon: napoleon takes what is before it for a type."""

from typing import Any

from sphinx.application import Sphinx

_AFTER_NAPOLEON = 900
_TYPE = ":type: "


def put_back(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make one line again of what napoleon has taken apart."""
    if what in ("property", "attribute", "data"):
        for number, line in enumerate(lines):
            if line.startswith(_TYPE):
                lines[0] = f"{line.removeprefix(_TYPE)}: {lines[0]}"
                del lines[number]
                return


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", put_back, _AFTER_NAPOLEON)
    return {"parallel_read_safe": True}
