"""The command line; `rlflood --help`."""

import shutil

from rlflood.extras import check_room

check_room("cli")  # before what follows, which needs it

# imported for the commands that they add, in the order in which --help shows them
from rlflood.cli import demo, ensemble, explain, export_controller, listing, rollout, study, train  # noqa: F401
from rlflood.cli.app import app
from rlflood.errors import told
from rlflood.interrupts import sigterm_as_ctrl_c

__all__ = ["app", "main"]

_NARROWEST_FRAME = 66
"""Columns in which the frames of --help have room for every name of an option with its text beside it."""

for _command in app.registered_commands:
    # the first paragraph as a whole: plain help would cut it
    _command.short_help = (_command.callback.__doc__ or "").partition("\n\n")[0] if _command.callback else ""


def main() -> None:
    """The command's entry point: what a person can put right is one message and exit status 2.

    SIGTERM ends a command as Ctrl-C does, with exit status 143 instead of 130.
    """
    # the frames crop what a narrower terminal has no room for; without them lines are folded
    app.rich_markup_mode = "rich" if shutil.get_terminal_size().columns >= _NARROWEST_FRAME else None
    with sigterm_as_ctrl_c(), told():
        app()
