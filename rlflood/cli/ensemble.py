"""`rlflood ensemble`."""

from pathlib import Path
from typing import Annotated

import typer

from rlflood.cli.app import app


@app.command(
    epilog="Example:\n\n"
    "  for seed in 0 1 2; do rlflood train --out runs/$seed --seed $seed; done\n\n"
    "  rlflood ensemble runs/*/controller.safetensors --out mine.safetensors"
)
def ensemble(
    controllers: Annotated[list[Path], typer.Argument(help="Files of controllers of one preset.")],
    out: Annotated[Path, typer.Option(help="File for the controller that they make.")],
) -> None:
    """Make one controller of several, which chooses by the mean of their logits.

    Trainings with different seeds differ most on problems unlike those they were trained on; their mean is
    steadier there.
    """
    from rlflood.cli.console import console
    from rlflood.control import Controller
    from rlflood.control.ensemble import ensemble as joined
    from rlflood.output import check_apart, check_output, write_output

    check_output(out, "--out")
    check_apart({"--out": out}, {}, controllers)
    made = joined([Controller.load(file) for file in controllers])
    write_output(out, made.to_bytes(), "--out")
    console.print(f"a controller of {len(controllers)}: {out}", highlight=False, soft_wrap=True)
