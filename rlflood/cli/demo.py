"""`rlflood demo`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, PrecisionOption, Seed, Threads, machine_of
from rlflood.cli.train import train_controller
from rlflood.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from rlflood.experiments import Study
    from rlflood.training import Machine

_STOPPED = "stopped; the same command goes on"


@app.command(epilog="Example:\n\n  rlflood demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the controller, the figures and the results.")] = Path(
        "runs/demo"
    ),
    seed: Seed = 0,
    device: Device = "cpu",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Roll controllers out on real data that they never saw: the one that comes with rlflood, and a new one.

    What is done stays: the same command goes on where it was stopped.
    """
    machine = machine_of(device, precision, threads)
    from rlflood.agents.training import CHECKPOINT, CONTROLLER
    from rlflood.cli.console import console
    from rlflood.experiments.study.demo import METHODS, demo_study
    from rlflood.experiments.study.folder import CONTROLLERS

    # a study's networks are small: processes make more of several cores than threads
    processes = machine.threads if machine.on_cpu else 1
    each = replace(machine, threads=1)
    try:
        if not (out / CONTROLLERS / CONTROLLER).exists():
            console.print(
                f"[bold]1. One run under the controller {METHODS[0]!r}[/bold], which comes with rlflood, on "
                "real data that it never saw, beside other ways",
                highlight=False,
            )
            _compare(demo_study(seed), out, each, processes)
        console.print("[bold]2. Training another[/bold] on synthetic tasks, from nothing", highlight=False)
        outcome = train_controller("demo", out, None, (out / CHECKPOINT).exists(), seed, machine)
        if outcome.stopped_by is not None:
            typer.echo(_STOPPED, err=True)
            raise typer.Exit(128 + outcome.stopped_by)
        console.print(
            f"trained in {outcome.seconds:.0f} s: {outcome.path}\n", highlight=False, soft_wrap=True
        )
        console.print("[bold]3. One run under it[/bold], on the same data and seeds", highlight=False)
        _compare(demo_study(seed, str(outcome.path)), out, each, processes)
    except KeyboardInterrupt:
        typer.echo(_STOPPED, err=True)
        raise typer.Exit(INTERRUPTED) from None
    console.print("on your own data: rlflood rollout default --data mine.csv", highlight=False)


def _compare(study: "Study", out: Path, machine: "Machine", processes: int) -> None:
    """Do what is missing of a study; show it as `rlflood rollout` does, and draw its levels and losses."""
    from rlflood.cli.console import print_records, print_setting, study_progress
    from rlflood.experiments import load_results, run_study, start_study
    from rlflood.experiments.report.figures.canvas import check_matplotlib
    from rlflood.experiments.report.figures.schedules import figure
    from rlflood.extras import MissingPackage
    from rlflood.output import check_output, write_all, write_output

    drawn = True
    try:
        check_matplotlib()
    except MissingPackage as error:
        drawn = False
        typer.echo(f"warning: nothing is drawn: {error}", err=True)
    files = {task.name: out / f"{task.name}.png" for task in study.tasks if drawn}
    for file in files.values():
        check_output(file, "--out")
    start_study(study, out)
    with study_progress() as on_progress:
        run_study(out, machine, on_progress, processes=processes)
    results = load_results(out)
    writings = []
    for task in results.study.tasks:
        print_setting(study.setting(task))
        records = [results.records[task.name, method.name] for method in results.methods]
        print_records(records, noisy=False)
        if task.name in files:
            title = f"{task.name}, {100 * task.label_noise:g} % label noise"
            content = figure(title, records, "png")
            writings.append(partial(write_output, files[task.name], content, "--out"))
    write_all(writings)
