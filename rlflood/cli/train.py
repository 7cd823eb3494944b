"""`rlflood train`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlflood.cli.app import app
from rlflood.cli.options import Device, PrecisionOption, Seed, Threads, machine_of
from rlflood.cli.parsing import given
from rlflood.errors import InputError

if TYPE_CHECKING:
    from rlflood.agents import Outcome
    from rlflood.training import Machine


@app.command(
    epilog="Examples:\n\n"
    "  rlflood train --preset demo --out runs/first\n\n"
    "  rlflood train --algo trpo --out runs/trpo --seed 1\n\n"
    "  rlflood train --preset mine.toml --episodes 100000 --out runs/mine\n\n"
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

    Ctrl-C or SIGTERM ends it after the present iteration and saves; --resume goes on as if it had not
    stopped.
    """
    # what a training has from its beginning
    own = given(context, "algo", "preset", "seed") if resume else []
    if own:
        raise InputError(
            "--resume goes on with the preset, the algorithm and the seed that the training began with: "
            + ", ".join(f"leave {option} out" for option in own)
        )
    machine = machine_of(device, precision, threads)
    from rlflood.cli.console import console

    outcome = train_controller(preset, out, episodes, resume, seed, machine, algo)
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
) -> "Outcome":
    from rlflood import agents
    from rlflood.cli.console import progress_bar

    wanted = None if resume else agents.load_preset(preset, algorithm=algorithm, episodes=episodes)
    with progress_bar("training") as advance:

        def show(iteration: agents.Iteration) -> None:
            figures = {"mean return": iteration.reward, "entropy": iteration.entropy}
            told = [f"{name} {value:.2f}" for name, value in figures.items() if not math.isnan(value)]
            advance(iteration.episodes, iteration.total, ", ".join(told))

        if wanted is None:
            return agents.resume(out, episodes=episodes, machine=machine, on_progress=show)
        return agents.train(wanted, out, seed=seed, machine=machine, on_progress=show)
