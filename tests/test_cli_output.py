"""What the commands show is whole and true, however wide the terminal."""

import sys

import pytest
import typer.main

from rlflood import cli
from rlflood.cli.app import app
from rlflood.protocols import IMAGE_NETWORK
from rlflood.training import Task

COMMANDS = typer.main.get_command(app).commands


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command in this process in a terminal of some width: its exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["rlflood", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return command


def unbroken(text):
    """Without line breaks, spaces and frames."""
    return "".join(letter for letter in text if not letter.isspace() and letter not in "│╭╮╰╯─")


@pytest.mark.parametrize("width", [40, 66, 80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_letter_of_its_texts(run, name, width):
    status, shown, _ = run(name, "--help", width=width)
    assert status == 0 and "…" not in shown
    whole = unbroken(shown)
    for parameter in COMMANDS[name].params:
        assert unbroken(parameter.help) in whole, parameter.name
        assert all(option in whole for option in parameter.opts if option.startswith("-"))
        if isinstance(parameter.show_default, str):
            assert f"[default:({unbroken(parameter.show_default)})]" in whole
    assert unbroken(COMMANDS[name].help) in whole
    assert unbroken(COMMANDS[name].epilog) in whole


@pytest.mark.parametrize("width", [30, 40, 66, 80])
def test_the_list_of_commands_shows_every_letter_too(run, width):
    status, shown, _ = run("--help", width=width)
    assert status == 0 and "…" not in shown and "..." not in shown.replace("[ARGS]...", "")
    for name, command in COMMANDS.items():
        assert unbroken(f"{name} {command.help.partition(chr(10) * 2)[0]}") in unbroken(shown)


def test_the_defaults_that_help_tells_are_those_of_a_task():
    defaults = {
        parameter.name: parameter.show_default
        for parameter in COMMANDS["rollout"].params
        if isinstance(parameter.show_default, str)
    }
    fields = {name: field.default for name, field in Task.model_fields.items()} | {"batch_size": "all"}
    plain = {
        "network": fields["network"],
        "hidden": ",".join(map(str, fields["hidden"])),
        "weight_decay": f"{fields['weight_decay']:g}",
        "augmentation": IMAGE_NETWORK["augmentation"],  # of images alone
        "lr_milestones": f"never; images: {','.join(map(str, IMAGE_NETWORK['lr_milestones']))}",
    }
    for name in ("epochs", "batch_size", "optimizer", "learning_rate"):
        plain[name] = f"{fields[name]}; images: {IMAGE_NETWORK[name]}"
    assert defaults == plain and fields["lr_milestones"] == () and fields["augmentation"] == "none"
