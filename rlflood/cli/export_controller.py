"""`rlflood export-controller`."""

from pathlib import Path
from typing import Annotated

import typer

from rlflood.cli.app import app


@app.command(
    name="export-controller",
    epilog="Examples:\n\n"
    "  rlflood export-controller default --out default.onnx\n\n"
    "  rlflood export-controller runs/mine/controller.safetensors --out mine.onnx",
)
def export_controller(
    controller: Annotated[str, typer.Argument(help="A controller of `rlflood list controllers`, or a file.")],
    out: Annotated[Path, typer.Option(help="File of ONNX for its network.")],
) -> None:
    """Write a controller's network as ONNX, for other runtimes than rlflood.

    What goes in is an observation, what comes out a logit for each action; the file's metadata say what these
    are. A file of that name is replaced.
    """
    from rlflood.cli.console import console
    from rlflood.control.controller import Controller
    from rlflood.control.shipped import controller_file
    from rlflood.output import check_apart, check_output, write_output

    check_output(out, "--out")
    file = controller_file(controller)
    check_apart({"--out": out}, {}, [file])
    made = Controller.load(file)
    from rlflood.integrations.onnx import to_onnx

    write_output(out, to_onnx(made), "--out")
    console.print(f"the network of {controller}: {out}", highlight=False, soft_wrap=True)
