"""The command line; `rlflood --help`."""

import sys

# imported for the commands that they add, in the order in which --help shows them
from rlflood.cli import demo, ensemble, explain, listing, rollout, study, train  # noqa: F401
from rlflood.cli.app import app
from rlflood.errors import InputError

__all__ = ["app", "main"]


def main() -> None:
    """The command's entry point: what a person can put right is one message and exit status 2."""
    try:
        app()
    except InputError as error:
        from rich.console import Console

        Console(stderr=True).print(
            f"error: {error}", markup=False, highlight=False, soft_wrap=True, style="red"
        )
        sys.exit(2)
