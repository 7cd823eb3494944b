"""`rlflood train`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, Encode, Keep, PrecisionOption, Seed, Threads, machine_of
from rlflood.cli.parsing import given
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

if TYPE_CHECKING:
    from rlflood.agents import Outcome, Preset
    from rlflood.training import Machine

_LIKE = "like:"
_OF_THE_TASKS = (
    "target", "keep", "encode", "train_size", "val_size", "hidden", "epochs", "batch_size", "optimizer",
    "learning_rate", "lr_milestones", "weight_decay", "batch_norm",
)  # fmt: skip


@app.command(
    epilog="Examples:\n\n"
    "  rlflood train --preset demo --out runs/first\n\n"
    "  rlflood train --algo trpo --out runs/trpo --seed 1\n\n"
    "  rlflood train --preset mine.toml --episodes 100000 --out runs/mine\n\n"
    "  rlflood train --tasks like:mine.csv --target label --out runs/like-mine\n\n"
    "  rlflood train --out runs/mine --resume"
)
def train(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the controller, the checkpoint and the log.")],
    preset: Annotated[
        str, typer.Option(help="A preset of `rlflood list presets`, or your own .toml.")
    ] = "default",
    algo: Annotated[
        str | None,
        typer.Option(
            help="ppo, a2c, reinforce, trpo, recurrent-ppo or ars, instead of the preset's algorithm.",
            show_default=False,
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(min=1, help="Training runs to learn from, instead of the preset's number."),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            help="like:DATA makes the preset's synthetic tasks like those on a data set or a file: its "
            "classes, features and samples, and how a network would be trained on it. None of its samples is "
            "used.",
            show_default="the preset's",
        ),
    ] = None,
    target: Target = None,
    keep: Keep = None,
    encode: Encode = False,
    train_size: TrainSize = None,
    val_size: ValSize = None,
    hidden: Hidden = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    optimizer: Optimizer = None,
    learning_rate: LearningRate = None,
    lr_milestones: LrMilestones = None,
    weight_decay: WeightDecay = None,
    batch_norm: BatchNorm = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the training in --out, with its own preset, algorithm and seed."
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> None:
    """Train a controller from nothing on synthetic tasks.

    Options of the data and of the network are for --tasks like:DATA, and mean what they mean for `rollout`.

    Ctrl-C or SIGTERM ends it after the present iteration and saves; --resume goes on as if it had not
    stopped.
    """
    # what a training has from its beginning
    own = given(context, "algo", "preset", "seed", "tasks") if resume else []
    if own:
        raise InputError(
            "--resume goes on with the preset, the algorithm, the tasks and the seed that the training began "
            "with: " + ", ".join(f"leave {option} out" for option in own)
        )
    alone = given(context, *_OF_THE_TASKS) if tasks is None else []
    if alone:
        raise InputError(f"{', '.join(alone)}: only for --tasks like:DATA; leave out, or say it in a preset")
    machine = machine_of(device, precision, threads)
    from rlflood.cli.console import console

    like = None
    if tasks is not None:
        like = given_fields(data=_like(tasks), **{name: context.params[name] for name in _OF_THE_TASKS})
    outcome = train_controller(preset, out, episodes, resume, seed, machine, algo, like)
    state = "trained" if outcome.finished else "stopped"
    later = "" if outcome.finished else "; go on with --resume"
    text = f"{state} after {outcome.seconds:.0f} s{later}: {outcome.path}"
    console.print(text, highlight=False, soft_wrap=True)
    if outcome.stopped_by is not None:
        raise typer.Exit(128 + outcome.stopped_by)


def train_controller(
    preset: str,
    out: Path,
    episodes: int | None,
    resume: bool,
    seed: int,
    machine: "Machine",
    algorithm: str | None = None,
    like: dict[str, Any] | None = None,
) -> "Outcome":
    from rlflood import agents
    from rlflood.cli.console import progress_bar

    wanted = None if resume else agents.load_preset(preset, algorithm=algorithm, episodes=episodes)
    if wanted is not None and like is not None:
        wanted = _as_large_as(like, wanted)
    with progress_bar("training") as advance:

        def show(iteration: agents.Iteration) -> None:
            figures = {"mean return": iteration.reward, "entropy": iteration.entropy}
            told = [f"{name} {value:.2f}" for name, value in figures.items() if not math.isnan(value)]
            advance(iteration.episodes, iteration.total, ", ".join(told))

        if wanted is None:
            return agents.resume(out, episodes=episodes, machine=machine, on_progress=show)
        return agents.train(wanted, out, seed=seed, machine=machine, on_progress=show)


def _like(tasks: str) -> str:
    """The data that ``--tasks`` names."""
    data = tasks.removeprefix(_LIKE)
    if data == tasks or not data:
        raise InputError(
            f"--tasks takes {_LIKE}DATA, such as {_LIKE}mine.csv or {_LIKE}digits: got {tasks!r}"
        )
    return data


def _as_large_as(fields: dict[str, Any], preset: "Preset") -> "Preset":
    """The preset with tasks like the one that ``rollout`` would train with these fields; told, too."""
    from rlflood import agents
    from rlflood.cli.console import console
    from rlflood.experiments.runs.sizes import task_fields
    from rlflood.training import Task
    from rlflood.validation import validated

    task = validated(Task, task_fields(None, fields), "the task")
    task.check_data()
    source = task.source()
    made = agents.alike(preset, task, source.facts, source.class_counts())
    base, like = made.tasks.base, made.like
    assert like is not None
    batch = "full batches" if base.batch_size is None else f"batches of {base.batch_size}"
    told = (
        f"tasks like {like.data}: {made.tasks.classes[0]} classes, {made.tasks.dimensions[0]} features, "
        f"{base.train_size} training and {base.val_size} validation samples, {batch}, {base.epochs} epochs"
    )
    console.print(told, highlight=False, soft_wrap=True)
    if like.capped:
        console.print(f"to end in minutes: {'; '.join(like.capped)}", highlight=False, soft_wrap=True)
    return made
