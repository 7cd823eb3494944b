"""`rlflood rollout`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, PrecisionOption, Seed, Threads, one_core_each
from rlflood.errors import InputError

if TYPE_CHECKING:
    from rlflood.experiments import Method, Record, Setting
    from rlflood.training import Precision


@app.command(
    epilog="Examples:\n\n"
    "  rlflood rollout default --data digits --label-noise 0.2\n\n"
    "  rlflood rollout runs/mine/controller.safetensors --data mine.npz --against default,none\n\n"
    "  rlflood rollout tracking --data mine.csv --target label --json out.json --plot out.png\n\n"
    "  rlflood rollout none --against grid --data two-gaussians --label-noise 0.1 --noisy-test\n"
    "    --hidden 500,500,500,500,500 --epochs 500"
)
def rollout(
    controller: Annotated[
        str,
        typer.Argument(
            help="A controller of `rlflood list controllers`, a controller's file, or any method of "
            "`rlflood list methods`."
        ),
    ],
    data: Annotated[str, typer.Option(help="A data set of `rlflood list datasets`, a .npz or a .csv file.")],
    target: Annotated[str | None, typer.Option(help="Label column of a .csv.")] = None,
    label_noise: Annotated[float, typer.Option(help="Share of labels moved to another class.")] = 0.0,
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
    noisy_test: Annotated[
        bool, typer.Option("--noisy-test", help="Test against noisy labels, as the paper does.")
    ] = False,
    train_size: Annotated[int | None, typer.Option(help="Training samples.")] = None,
    val_size: Annotated[int | None, typer.Option(help="Validation samples.")] = None,
    test_size: Annotated[int | None, typer.Option(help="Test samples.")] = None,
    hidden: Annotated[str, typer.Option(help="Width of each hidden layer.")] = "100,100,100",
    epochs: Annotated[int, typer.Option(help="Epochs of a run.")] = 200,
    batch_size: Annotated[int | None, typer.Option(help="Samples in a mini-batch; all if not given.")] = None,
    optimizer: Annotated[str, typer.Option(help="adam, adamw or sgd.")] = "adam",
    learning_rate: Annotated[float, typer.Option(help="Of the optimizer.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(help="Of the optimizer.")] = 0.0,
    batch_norm: Annotated[
        bool, typer.Option("--batch-norm", help="Batch normalisation before each ReLU.")
    ] = False,
    runs: Annotated[int, typer.Option(help="Runs of a search: levels of the grid, trials of a tuner.")] = 11,
    highest_level: Annotated[float, typer.Option(help="The highest level of a search, in nats.")] = 0.5,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Roll a controller out on a data set, one run a repeat, beside other ways to choose the flood level."""
    threads = one_core_each(threads)
    from rlflood.data import load
    from rlflood.experiments import MethodOptions, Setting, default_sizes, get_methods
    from rlflood.experiments.methods.controller import validation_warning
    from rlflood.experiments.output import check_output
    from rlflood.experiments.plot import check_plot
    from rlflood.training import Task
    from rlflood.validation import validated

    for path, option in ((json, "--json"), (plot, "--plot")):
        if path is not None:
            check_output(path, option)
    if plot is not None:
        check_plot(plot)
    methods = get_methods([controller, *filter(None, against.split(","))], MethodOptions(runs, highest_level))
    sizes = default_sizes(load(data, target=target), train_size, val_size, test_size)
    fields = {
        "data": data, "target": target, "label_noise": label_noise, **sizes,
        "hidden": _numbers(hidden, "--hidden"), "epochs": epochs, "batch_size": batch_size,
        "optimizer": optimizer, "learning_rate": learning_rate, "weight_decay": weight_decay,
        "batch_norm": batch_norm,
    }  # fmt: skip
    task = validated(Task, fields, "the task")
    if warning := validation_warning(methods, task):
        typer.echo(f"warning: {warning}", err=True)
    setting = Setting.from_seed(
        task, seed, repeats, device=device, precision=cast("Precision", precision), threads=threads
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
    except KeyboardInterrupt:
        stopped = True
    if records:
        print_records(records, noisy=noisy)
        if json is not None:
            write_output(json, comparison_json(setting, records), "--json")
        if plot is not None:
            title = f"{setting.task.data}, {100 * setting.task.label_noise:g} % label noise"
            write_output(plot, figure(title, records, plot.suffix[1:].lower()), "--plot")
    if stopped:
        typer.echo("stopped; what was done is shown and written", err=True)
        raise typer.Exit(130)


def _numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{option} takes whole numbers with commas between, such as 100,100: got {text!r}"
        ) from None
