"""The tables of the reference, which come from the code."""

import sys
from importlib import import_module
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from rlflood.agents import Preset
from rlflood.cli import app
from rlflood.experiments import Study
from rlflood.training import Task
from rlflood.training.distribution import Mixture
from tests.docs import commands
from tests.docs.pages import ROOT


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of docs/_ext by its name."""
    pytest.importorskip("sphinx.util.docutils")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if "." not in name:  # their names are too plain to stay
            sys.modules.pop(name)


@pytest.mark.parametrize("model", [Task, Mixture, Study, Preset], ids=lambda model: model.__name__)
def test_every_key_of_a_file_has_a_type_a_default_and_a_meaning(
    model: type[BaseModel], extension: Any
) -> None:
    rows = list(extension("fields").rows(model))
    assert [row[0] for row in rows] == list(model.model_fields)
    assert all(kind and meaning for _, kind, _, meaning in rows)


def test_types_and_defaults_are_those_of_toml(extension: Any) -> None:
    rows = {name: (kind, default) for name, kind, default, _ in extension("fields").rows(Task)}
    assert rows["label_noise"] == ("number", "``0.0``")
    assert rows["hidden"] == ("list of whole number", "``[100, 100, 100]``")
    assert rows["batch_size"] == ("whole number", "")
    assert rows["optimizer"] == ('"adam", "adamw", "sgd"', '``"adam"``')
    assert dict((row[0], row[2]) for row in extension("fields").rows(Study))["tasks"] == "required"


def test_a_table_keeps_the_lines_of_a_cell(extension: Any) -> None:
    table = extension("rst_table").rst_table(("a", "b"), [("1", "2\n3")])
    assert table.splitlines()[-3:] == ["   * - 1", "     - 2", "       3"]


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)  # type: ignore[attr-defined]
def test_every_option_is_in_the_reference_and_every_example_of_help_is_read(
    name: str, extension: Any
) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    text = "\n".join(extension("commands").described(command))
    for parameter in command.params:
        if parameter.name != "help" and parameter.param_type_name == "option":
            assert f"``{parameter.opts[0]}``" in text
    examples = [line for line in text.splitlines() if line.startswith("   rlflood ")]
    assert examples
    for words in commands.commands("\n".join(examples)):
        commands.check(words, run=False)
