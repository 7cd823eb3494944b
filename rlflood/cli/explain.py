"""`rlflood explain`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, Encode, Keep, PrecisionOption, Seed, Threads, machine_of
from rlflood.cli.parsing import numbers
from rlflood.errors import InputError
from rlflood.interrupts import INTERRUPTED


@app.command(
    epilog="Examples:\n\n"
    "  rlflood explain default\n\n"
    "  rlflood explain runs/mine/controller.safetensors --out explain/mine --runs 48\n\n"
    "  rlflood explain default --data mine.csv --target label --label-noise 0,0.2 --epochs 100"
)
def explain(
    controller: Annotated[
        str, typer.Argument(help="A controller of `rlflood list controllers`, or a controller's file.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figures; explain/NAME if not given.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A data set of `rlflood list datasets`, or a .npz, .csv or .parquet file; if not given, "
            "tasks of the mixture that it was trained on."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Label column of a table.")] = None,
    keep: Keep = None,
    encode: Encode = False,
    label_noise: Annotated[
        str,
        typer.Option(
            help="Shares of the training and validation labels that are moved to another class, with "
            "commas between."
        ),
    ] = "0,0.1,0.2,0.4",
    runs: Annotated[
        int, typer.Option(min=2, help="Tasks, or draws from --data; each is one run at each label noise.")
    ] = 24,
    train_size: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    val_size: Annotated[int | None, typer.Option(help="Validation samples.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Width of each hidden layer.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of a run.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a mini-batch.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, adamw or sgd.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimizer.")] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Show what a controller does and what its choices hang on, on tasks that it was not trained on.

    What is not given of a task is as the mixture has it, or with --data as `rlflood rollout` has it.
    """
    machine = machine_of(device, precision, threads)
    from rlflood.cli.console import console, print_listing, progress_bar
    from rlflood.control import Controller
    from rlflood.control.shipped import controller_file
    from rlflood.experiments import explain as room
    from rlflood.experiments.report.figures.canvas import check_matplotlib
    from rlflood.experiments.report.figures.study import FILE_TYPES
    from rlflood.experiments.report.text.data_wording import describe_data
    from rlflood.output import check_output, write_all, write_output

    if data is None and (target is not None or keep or encode):
        raise InputError("--target, --keep and --encode are for the columns of --data: give the file, too")
    file = controller_file(controller)
    watched = Controller.load(file)
    out = Path("explain") / file.stem if out is None else out
    check_matplotlib()
    for figure in room.FIGURES:
        for kind in FILE_TYPES:
            check_output(out / f"{figure}.{kind}", "--out")
    noises = sorted(set(numbers(label_noise, "--label-noise", float, "0,0.2,0.4")))
    given = {
        "train_size": train_size, "val_size": val_size, "epochs": epochs, "batch_size": batch_size,
        "hidden": None if hidden is None else numbers(hidden, "--hidden", int, "100,100"),
        "optimizer": optimizer, "learning_rate": learning_rate,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    others = {**changes, "keep": tuple(keep or ()), "encode": encode}
    source, kind = (
        room.mixture_of(watched)
        if data is None
        else room.data_set(data, target, train_size, val_size, others)
    )
    draws = room.fresh_tasks(source, runs, seed, noises, changes)
    described = room.describe_runs(kind, runs, noises)
    console.print(f"{file.stem}: {described}", highlight=False, markup=False)
    if data is not None:
        for line in describe_data(draws[0][0].task):
            console.print(line, highlight=False, markup=False)
    try:
        with progress_bar("epochs") as advance:
            rollouts = room.roll_out(watched, draws, described, machine, on_progress=advance)
            advance(0, None, "drawing")
            found = room.importances(rollouts)
            surface = room.plane_of(rollouts, found)
            figures = list(room.explain_figures(file.stem, rollouts, found, surface))
    except KeyboardInterrupt:
        typer.echo("stopped; nothing was written", err=True)
        raise typer.Exit(INTERRUPTED) from None
    # shown first: that cannot fail
    print_listing("what its choices hang on", *room.importance_rows(found), figures=True)
    print_listing("mean level", *room.level_rows(rollouts), figures=True)
    for line in room.notes(rollouts):
        console.print(line, style="dim", highlight=False, markup=False)
    write_all(partial(write_output, out / name, content, "--out", rescue=True) for name, content in figures)
    console.print(f"figures: {out}", highlight=False, markup=False, soft_wrap=True)
