"""``.. fields:: module.Class``: the fields of a pydantic model or a dataclass as a table.

Types and defaults come from the class, what a field means from ``Attributes:`` in its docstring.
"""

import dataclasses
import inspect
import re
import types
from collections.abc import Iterator
from importlib import import_module
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from docutils import nodes
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from rst_table import code, rst_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def descriptions(kind: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of their attributes."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        text = inspect.cleandoc(one.__dict__.get("__doc__") or "")
        section = re.search(r"^Attributes:\n((?:    .*\n?|\n)*)", text, re.MULTILINE)
        for entry in re.split(r"\n(?= {4}\w)", section[1].rstrip()) if section else ():
            name, _, meaning = entry.strip().partition(":")
            found[name] = " ".join(meaning.split())
    return found


def type_name(kind: Any) -> str:
    """A type as a person writes it in TOML: what values it takes, not how Python says so."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_name(inner[0])
    if origin is Literal:
        return ", ".join(f'"{value}"' for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(one) for one in inner if one is not type(None))
    if origin is tuple:
        many = inner[-1] is Ellipsis
        return f"list of {type_name(inner[0])}" if many else f"list of {len(inner)} {type_name(inner[0])}"
    if origin is dict:
        return "table"
    known = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    if kind in known:
        return known[kind]
    return "table" if isinstance(kind, type) and issubclass(kind, BaseModel) else str(kind.__name__)


def default_text(default: Any) -> str:
    """A default as TOML has it; nothing for none."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, str):
        return f'"{default}"'
    if isinstance(default, tuple | list):
        return f"[{', '.join(default_text(one) for one in default)}]"
    if isinstance(default, dict):
        return "{}" if not default else str(default)
    return str(default)


def rows(kind: type) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and meaning of each field."""
    meanings = descriptions(kind)
    for name, annotation, default in _declared(kind):
        yield name, type_name(annotation), default, meanings.get(name, "")


def _declared(kind: type) -> Iterator[tuple[str, Any, str]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, field.annotation, _default(field, PydanticUndefined)
    else:
        hints = get_type_hints(kind)
        for one in dataclasses.fields(kind):  # type: ignore[arg-type]
            yield one.name, hints[one.name], _default(one, dataclasses.MISSING)


def _default(field: Any, missing: Any) -> str:
    """What a field is if it is not given; ``missing`` is what its class calls a default that is not there."""
    if field.default is not missing:
        return code(default_text(field.default))
    if field.default_factory in (None, missing):
        return "required"
    made = field.default_factory()
    return code(default_text(made)) if isinstance(made, dict) else f"a {type(made).__name__}"


class Fields(SphinxDirective):
    """A class: what it is for, its fields as a table, and its methods."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = self.arguments[0]
        module, _, name = path.rpartition(".")
        kind = getattr(import_module(module), name)
        cells = [(code(name), sort, default, meaning) for name, sort, default, meaning in rows(kind)]
        about = re.split(r"\n\n(?:Attributes|Args):", inspect.getdoc(kind) or "")[0]
        parts = [about, rst_table(("field", "type", "default", "meaning"), cells), *_methods(kind, path)]
        inner = "\n\n".join(parts).replace("\n", "\n   ")
        canonical = f"{kind.__module__}.{kind.__qualname__}"
        of = "" if canonical == path else f"   :canonical: {canonical}\n"
        return self.parse_text_to_nodes(f".. py:class:: {path}\n{of}\n   {inner}\n")


def _methods(kind: type, path: str) -> Iterator[str]:
    for name, value in vars(kind).items():
        plain = isinstance(value, types.FunctionType | classmethod)
        if not name.startswith("_") and (plain or isinstance(value, property)):
            yield f".. {'automethod' if plain else 'autoproperty'}:: {path}.{name}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("fields", Fields)
    return {"parallel_read_safe": True}
