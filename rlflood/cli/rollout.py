"""`rlflood rollout`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, PrecisionOption, Seed, Threads, one_core_each
from rlflood.cli.parsing import numbers

if TYPE_CHECKING:
    from rlflood.experiments import Method, Record, Setting
    from rlflood.training import Precision


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
    controller: Annotated[
        str,
        typer.Argument(
            help="A controller of `rlflood list controllers`, a controller's file, or any method of "
            "`rlflood list methods`."
        ),
    ],
    data: Annotated[
        str | None, typer.Option(help="A data set of `rlflood list datasets`, a .npz or a .csv file.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="An image problem of `rlflood list protocols`; other options change it."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Label column of a .csv.")] = None,
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
    train_size: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    val_size: Annotated[int | None, typer.Option(help="Validation samples.")] = None,
    test_size: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="mlp, or for images: cnn, resnet18, resnet20 ... resnet110.", show_default="mlp"),
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Width of each hidden layer of an mlp.", show_default="100,100,100")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of a run.", show_default="200; images: 500")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples in a mini-batch.", show_default="all; images: 128")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="adam, adamw or sgd.", show_default="adam; images: sgd")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the optimizer.", show_default="0.001; images: 0.1")
    ] = None,
    lr_milestones: Annotated[
        str | None,
        typer.Option(
            help="Shares of the run after which it falls by ten, or never.",
            show_default="never; images: 0.5,0.8",
        ),
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of the optimizer.", show_default="0")] = None,
    batch_norm: Annotated[
        bool | None, typer.Option("--batch-norm", help="Batch normalisation before each ReLU of an mlp.")
    ] = None,
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
    threads = one_core_each(threads)
    from rlflood.experiments import MethodOptions, Setting, get_methods
    from rlflood.experiments.methods.controller import validation_warning
    from rlflood.experiments.output import check_output
    from rlflood.experiments.plot import check_plot
    from rlflood.experiments.sizes import task_fields
    from rlflood.training import Task
    from rlflood.validation import validated

    for path, option in ((json, "--json"), (plot, "--plot")):
        if path is not None:
            check_output(path, option)
    if plot is not None:
        check_plot(plot)
    methods = get_methods([controller, *filter(None, against.split(","))], MethodOptions(runs, highest_level))
    given = {
        "data": data, "target": target, "label_noise": label_noise, "train_size": train_size,
        "val_size": val_size, "test_size": test_size, "network": network,
        "hidden": None if hidden is None else numbers(hidden, "--hidden", int, "100,100"),
        "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "learning_rate": learning_rate,
        "lr_milestones": _milestones(lr_milestones),
        "weight_decay": weight_decay, "batch_norm": batch_norm, "augmentation": augmentation,
    }  # fmt: skip
    fields = task_fields(protocol, {name: value for name, value in given.items() if value is not None})
    task = validated(Task, fields, "the task")
    if warning := validation_warning(methods, task):
        typer.echo(f"warning: {warning}", err=True)
    setting = Setting.from_seed(
        task,
        seed,
        repeats,
        device=device,
        precision=cast("Precision", precision),
        threads=threads,
        checkpoints=checkpoints,
    )
    _compare(setting, methods, noisy_test, json, plot)


def _compare(
    setting: "Setting", methods: "list[Method]", noisy: bool, json: Path | None, plot: Path | None
) -> None:
    """Run the methods, print the table, write the files; Ctrl-C keeps the methods that are done."""
    from rlflood.console import print_records, print_setting, progress_bar
    from rlflood.experiments import compare
    from rlflood.experiments.output import write_output
    from rlflood.experiments.plot import figure
    from rlflood.experiments.record import comparison_json

    print_setting(setting)
    records: list[Record] = []
    stopped = False
    try:
        with progress_bar("epochs") as advance:
            for record in compare(setting, methods, advance):
                records.append(record)
                if json is not None:  # each method at once: the next one may take hours
                    write_output(json, comparison_json(setting, records), "--json")
    except KeyboardInterrupt:
        stopped = True
    if records:
        print_records(records, noisy=noisy)
        if plot is not None:
            title = f"{setting.task.data}, {100 * setting.task.label_noise:g} % label noise"
            write_output(plot, figure(title, records, plot.suffix[1:].lower()), "--plot")
    if stopped:
        typer.echo("stopped; what was done is shown and written", err=True)
        raise typer.Exit(130)


def _milestones(text: str | None) -> tuple[float, ...] | None:
    if text is None or text == "never":
        return None if text is None else ()
    return numbers(text, "--lr-milestones", float, "0.5,0.8, or never")
