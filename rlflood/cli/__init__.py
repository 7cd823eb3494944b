"""The command line; `rlflood --help`."""

# imported for the commands that they add, in the order in which --help shows them
from rlflood.cli import demo, ensemble, explain, listing, rollout, study, train  # noqa: F401
from rlflood.cli.app import app
from rlflood.errors import told
from rlflood.interrupts import sigterm_as_ctrl_c

__all__ = ["app", "main"]


def main() -> None:
    """The command's entry point: what a person can put right is one message and exit status 2.

    SIGTERM ends a command as Ctrl-C does, with exit status 143 instead of 130.
    """
    with sigterm_as_ctrl_c(), told():
        app()
