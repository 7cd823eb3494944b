"""`rlflood rollout`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, Encode, Keep, PrecisionOption, Seed, Threads, machine_of
from rlflood.cli.parsing import check_search_options, given
from rlflood.cli.task_options import (
    BatchNorm,
    BatchSize,
    Epochs,
    Hidden,
    LearningRate,
    LrMilestones,
    Optimizer,
    Target,
    TrainSize,
    ValSize,
    WeightDecay,
    given_fields,
)
from rlflood.errors import InputError
from rlflood.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from rlflood.experiments import Method, Record, Setting
    from rlflood.training import Machine


@app.command(
    epilog="Examples:\n\n"
    "  rlflood rollout default --data digits --label-noise 0.2\n\n"
    "  rlflood rollout runs/mine/controller.safetensors --data mine.npz --against default,none\n\n"
    "  rlflood rollout tracking --data mine.csv --target label --json out.json --plot out.png\n\n"
    "  rlflood rollout none --against grid --data two-gaussians --label-noise 0.1 --noisy-test "
    "--hidden 500,500,500,500,500 --epochs 500\n\n"
    "  rlflood rollout default --data cifar10 --network resnet44 --repeats 1 --device cuda\n\n"
    "  rlflood rollout default --protocol cifar10-augmented --device cuda --checkpoints runs/cifar"
)
def rollout(
    context: typer.Context,
    controller: Annotated[
        str,
        typer.Argument(
            help="A controller of `rlflood list controllers`, a controller's file, or any method of "
            "`rlflood list methods`."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(help="A data set of `rlflood list datasets`, or a .npz, .csv or .parquet file."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="An image problem of `rlflood list protocols`; other options change it."),
    ] = None,
    target: Target = None,
    keep: Keep = None,
    encode: Encode = False,
    label_noise: Annotated[
        float,
        typer.Option(help="Share of the training and validation labels that are moved to another class."),
    ] = 0.0,
    repeats: Annotated[
        int, typer.Option(help="Runs with seeds of their own, the same for all methods.")
    ] = 10,
    against: Annotated[
        str, typer.Option(help="Methods to put beside it, with commas between.")
    ] = "none,grid,adaptive",
    json: Annotated[Path | None, typer.Option(help="Write everything measured to this file.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw levels and losses to this .png, .svg or .pdf.")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps unfinished runs; the same command goes on with them."),
    ] = None,
    noisy_test: Annotated[
        bool,
        typer.Option("--noisy-test", help="Test against labels with the same noise, as the paper does."),
    ] = False,
    train_size: TrainSize = None,
    val_size: ValSize = None,
    test_size: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="mlp, or for images: cnn, resnet18, resnet20 ... resnet110.", show_default="mlp"),
    ] = None,
    hidden: Hidden = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    learning_rate: LearningRate = None,
    lr_milestones: LrMilestones = None,
    weight_decay: WeightDecay = None,
    batch_norm: BatchNorm = None,
    augmentation: Annotated[
        str | None, typer.Option(help="Of images: none, crop or crop-flip.", show_default="crop-flip")
    ] = None,
    runs: Annotated[int, typer.Option(help="Runs of a search: levels of the grid, trials of a tuner.")] = 11,
    highest_level: Annotated[float, typer.Option(help="The highest level of a search, in nats.")] = 0.5,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Roll a controller out on a data set, one run a repeat, beside other ways to choose the flood level."""
    machine = machine_of(device, precision, threads, checkpoints)
    from rlflood.experiments import MethodOptions, Setting, get_methods
    from rlflood.experiments.methods import MethodName
    from rlflood.experiments.methods.controller import criterion_notes, validation_warning
    from rlflood.experiments.report.figures.schedules import check_plot
    from rlflood.experiments.runs.sizes import task_fields
    from rlflood.output import check_apart, check_output, check_output_folder
    from rlflood.training import Task
    from rlflood.validation import validated

    for path, option in ((json, "--json"), (plot, "--plot")):
        if path is not None:
            check_output(path, option)
    if plot is not None:
        check_plot(plot)
    if checkpoints is not None:
        check_output_folder(checkpoints, "--checkpoints")
    names = [controller, *filter(None, against.split(","))]
    files = [data or "", *(str(MethodName.parse(name).innermost) for name in names)]
    check_apart({"--json": json, "--plot": plot}, {"--checkpoints": checkpoints}, files)
    methods = get_methods(names, MethodOptions(runs, highest_level))
    check_search_options(given(context, "runs", "highest_level"), names)
    wanted = given_fields(
        data=data, target=target, keep=keep, encode=encode, label_noise=label_noise,
        train_size=train_size, val_size=val_size, test_size=test_size, network=network, hidden=hidden,
        epochs=epochs, batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate,
        lr_milestones=lr_milestones, weight_decay=weight_decay, batch_norm=batch_norm,
        augmentation=augmentation,
    )  # fmt: skip
    fields = task_fields(protocol, wanted)
    task = validated(Task, fields, "the task")
    task.check_data()
    if hidden is not None and task.network != "mlp":
        raise InputError(f"--hidden is for the network mlp, not for {task.network}: leave it out")
    if noisy_test and not task.label_noise:
        raise InputError("--noisy-test is for test labels with the noise of --label-noise: give that, too")
    for method in methods:
        method.check(task)
    if warning := validation_warning(methods, task):
        typer.echo(f"warning: {warning}", err=True)
    for note in criterion_notes(methods):
        typer.echo(note)
    if checkpoints is not None:
        _check_goes_on(methods)
    _compare(Setting.from_seed(task, seed, repeats), machine, methods, noisy_test, json, plot)


def _check_goes_on(methods: "list[Method]") -> None:
    """Say which methods make nothing of ``--checkpoints``."""
    anew = [method.name for method in methods if not method.goes_on]
    if len(anew) == len(methods):
        raise InputError(f"--checkpoints keeps nothing of {', '.join(anew)}: leave it out")
    if anew:
        typer.echo(f"warning: --checkpoints keeps nothing of {', '.join(anew)}", err=True)


def _compare(
    setting: "Setting",
    machine: "Machine",
    methods: "list[Method]",
    noisy: bool,
    json: Path | None,
    plot: Path | None,
) -> None:
    """Run the methods, print the table, write the files; whatever ends it, methods that are done are kept."""
    from rlflood.cli.console import print_records, print_setting, progress_bar
    from rlflood.experiments import compare
    from rlflood.experiments.report.figures.schedules import figure
    from rlflood.experiments.runs.record import comparison_json
    from rlflood.output import GrowingFile, write_all, write_output

    print_setting(setting)
    records: list[Record] = []
    file = None if json is None else GrowingFile(json, "--json")
    ended: KeyboardInterrupt | InputError | None = None
    try:
        with progress_bar("epochs") as advance:
            for record in compare(setting, methods, machine, advance):
                records.append(record)
                if file is not None:  # each method at once: the next one may take hours
                    file.write(comparison_json(setting, records, machine))
    except (KeyboardInterrupt, InputError) as error:
        ended = error
    finally:
        if records:
            print_records(records, noisy=noisy)
    writings = [] if file is None else [file.finish]
    if records and plot is not None:
        title = f"{setting.task.data}, {100 * setting.task.label_noise:g} % label noise"
        drawn = figure(title, records, plot.suffix[1:].lower())
        writings.append(lambda: write_output(plot, drawn, "--plot", rescue=True))
    write_all(writings)
    if isinstance(ended, InputError):
        raise ended
    if ended is not None:
        typer.echo("stopped; what was done is shown and written", err=True)
        raise typer.Exit(INTERRUPTED)
