"""`rlflood list` and `rlflood card`."""

from typing import Annotated

import typer

from rlflood.cli.app import app
from rlflood.errors import InputError, use_one_of


@app.command(name="list", epilog="Examples:\n\n  rlflood list\n\n  rlflood list datasets")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="datasets, environments, methods, presets, protocols, studies, controllers or all."
        ),
    ] = "all",
) -> None:
    """Show the names that the other commands take."""
    from rlflood.cli.console import print_listing
    from rlflood.cli.lists import LISTINGS

    if what != "all" and what not in LISTINGS:
        raise InputError(f"there is no list of {what!r}: {use_one_of(what, LISTINGS)}, or nothing for all")
    for name in LISTINGS if what == "all" else (what,):
        columns, rows = LISTINGS[name]()
        print_listing(name, columns, rows)


@app.command(epilog="Examples:\n\n  rlflood card default\n\n  rlflood card runs/mine/controller.safetensors")
def card(
    controller: Annotated[str, typer.Argument(help="A controller of `rlflood list controllers`, or a file.")],
) -> None:
    """Show the card of a shipped controller: how it was made, what its limits are; or what a file says."""
    from rlflood.control.card import card as card_of

    typer.echo(card_of(controller))
