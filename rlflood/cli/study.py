"""`rlflood benchmark`, `rlflood report` and `rlflood export`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, PrecisionOption, machine_of, one_core_a_thread
from rlflood.cli.options import cores as all_cores
from rlflood.cli.parsing import check_search_options, given
from rlflood.errors import InputError
from rlflood.interrupts import INTERRUPTED


@app.command(
    epilog="Examples:\n\n"
    "  rlflood benchmark quick --out runs/quick\n\n"
    "  rlflood benchmark mine.toml --out runs/mine --also runs/first/controller.safetensors\n\n"
    "  rlflood benchmark --out runs/mine        # goes on where it stopped"
)
def benchmark(
    context: typer.Context,
    study: Annotated[
        str | None,
        typer.Argument(
            help="A study of `rlflood list studies`, or your own .toml; --out's own if not given."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The study's folder: results, settings, environment.")],
    also: Annotated[
        list[str] | None,
        typer.Option(help="Compare this method too, such as a controller's file; can be repeated."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repeats, instead of the study's number.")] = None,
    runs: Annotated[
        int | None, typer.Option(min=2, help="Budget of a search in runs, instead of the study's.")
    ] = None,
    device: Device = "cpu",
    precision: PrecisionOption = "float32",
    cores: Annotated[
        int | None,
        typer.Option(min=1, help="CPU cores, each working on pieces of its own; all if not given."),
    ] = None,
) -> None:
    """Compare methods on the tasks of a study, all on the same seeds.

    Every finished piece is kept at once. The same command, or another process beside this one, goes on with
    what is missing.
    """
    machine = replace(machine_of(device, precision, None), threads=1)  # a process a core instead
    from rlflood.cli.console import console, study_progress
    from rlflood.experiments.study.file import load_study
    from rlflood.experiments.study.folder import open_study, start_study
    from rlflood.experiments.study.work import run_study

    processes = cores or all_cores()
    if not machine.on_cpu:
        if (cores or 1) > 1:
            raise InputError(f"--cores {cores} is for the CPU: one process works with the device {device}")
        processes = 1
    if study is None:
        if also or seeds or runs:
            raise InputError("--also, --seeds and --runs change a study: name it, as in --out's study.toml")
        open_study(out)
    else:
        wanted = load_study(study, also=tuple(also or ()), seeds=seeds, runs=runs)
        check_search_options(given(context, "runs"), wanted.methods)
        start_study(wanted, out)
    try:
        with study_progress() as on_progress:
            run_study(out, machine, on_progress, processes=processes)
    except KeyboardInterrupt:
        typer.echo(f"stopped; what was done is kept: go on with `rlflood benchmark --out {out}`", err=True)
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"done: see it with `rlflood report {out}`", highlight=False, soft_wrap=True)


@app.command(epilog="Example:\n\n  rlflood report runs/quick")
def report(folder: Annotated[Path, typer.Argument(help="The folder of a study.")]) -> None:
    """Make the page, the figures and the tables of a study, finished or not.

    Writes report.html (one file that needs no network), figures/ (PNG and SVG) and tables/ (Markdown and
    LaTeX) into the folder. What needs a package that is not installed is left out. The data are not needed.
    """
    one_core_a_thread()
    from rlflood.cli.console import console, print_standings, progress_bar
    from rlflood.experiments.analysis.summary import summarise
    from rlflood.experiments.report.figures.study import figures
    from rlflood.experiments.report.page.html import page
    from rlflood.experiments.report.text.tables import tables
    from rlflood.experiments.study.results import load_results
    from rlflood.extras import MissingPackage
    from rlflood.output import check_output, check_output_folder, write_output

    results = load_results(folder)
    check_output(folder / "report.html", "the report")
    for part in ("figures", "tables"):
        check_output_folder(folder / part, f"the {part}")
    summary = summarise(results, "deployed")
    print_standings(summary)
    made, left_out = f"the page: {folder / 'report.html'}", []
    with progress_bar("page, figures, tables") as advance:
        try:
            write_output(folder / "report.html", page(results), "the report")
        except MissingPackage as error:
            made = f"the tables: {folder / 'tables'}"
            left_out.append(f"report.html is left out: {error}")
        advance(1, None)
        try:
            for number, (name, content) in enumerate(figures(results)):
                write_output(folder / "figures" / name, content, "the figure")
                advance(2 + number, None)
        except MissingPackage as error:
            left_out.append(f"figures/ is left out: {error}")
        for name, text in tables(results):
            write_output(folder / "tables" / name, text, "the table")
    for line in left_out:
        typer.echo(f"warning: {line}", err=True)
    console.print(made, highlight=False, soft_wrap=True)


@app.command(epilog="Example:\n\n  rlflood export runs/quick")
def export(folder: Annotated[Path, typer.Argument(help="The folder of a study.")]) -> None:
    """Write a study's results as tidy tables, in Parquet and CSV, into the folder's export/.

    The data are not needed.
    """
    one_core_a_thread()
    from rlflood.cli.console import console
    from rlflood.experiments.report.export.tables import export as write_export
    from rlflood.experiments.study.results import load_results
    from rlflood.output import check_output_folder

    results, where = load_results(folder), folder / "export"
    check_output_folder(where, "the export")
    for path in write_export(results, where):
        console.print(str(path), highlight=False, soft_wrap=True)
