"""`rlflood list`."""

from typing import Annotated

import typer

from rlflood.cli.app import app
from rlflood.errors import InputError


@app.command(name="list", epilog="Examples:\n\n  rlflood list\n\n  rlflood list datasets")
def list_(
    what: Annotated[
        str, typer.Argument(help="datasets, environments, methods, presets, studies, controllers or all.")
    ] = "all",
) -> None:
    """Show the names that the other commands take."""
    from rlflood.console import print_table
    from rlflood.listing import LISTINGS

    if what != "all" and what not in LISTINGS:
        raise InputError(
            f"there is no list of {what!r}: use one of {', '.join(LISTINGS)}, or nothing for all"
        )
    for name in LISTINGS if what == "all" else (what,):
        columns, rows = LISTINGS[name]()
        print_table(name, columns, rows)
