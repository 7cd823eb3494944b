"""The command's frame: what all commands hang on."""

from typing import Annotated

import typer

# what a command needs is imported inside it: `--help` must not wait for PyTorch
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Controllers that set the flood level of a training run while it runs.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from rlflood import __version__

        typer.echo(f"rlflood {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = None,
) -> None:
    pass
