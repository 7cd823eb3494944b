"""Training a controller: Stable-Baselines3 on groups of replicas."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import KVWriter, Logger

from rlflood.agents.callback import CHECKPOINT, CONTROLLER, LOG, Iteration, TrainingCallback
from rlflood.agents.checkpoint import TrainingState, load_checkpoint, restore
from rlflood.agents.log import CsvLog, TensorBoardLog, quiet_tensorboard
from rlflood.agents.model import make_env, make_model
from rlflood.agents.preset import Preset
from rlflood.control.controller import Controller
from rlflood.envs import FloodVectorEnv
from rlflood.errors import InputError
from rlflood.files import check_writable, reason
from rlflood.interrupts import first_signal
from rlflood.training import Machine
from rlflood.validation import validated

__all__ = ["CHECKPOINT", "CONTROLLER", "LOG", "TENSORBOARD", "Outcome", "resume", "train"]

TENSORBOARD = "tensorboard"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training gives.

    Attributes:
        controller: The controller as of the last iteration.
        path: Its file.
        stopped_by: The number of the signal that ended training early, SIGINT (Ctrl-C) or SIGTERM; or None.
        seconds: Time spent training, over all resumptions.
    """

    controller: Controller
    path: Path
    stopped_by: int | None
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether all episodes were learned from."""
        return self.stopped_by is None


def train(
    preset: Preset,
    out: Path,
    *,
    seed: int = 0,
    machine: Machine = Machine(precision="auto"),
    on_progress: Callable[[Iteration], None] | None = None,
) -> Outcome:
    """Train a controller from nothing.

    The folder gets ``controller.safetensors`` (the result, brought up to date at each checkpoint),
    ``checkpoint.zip`` (to go on from; written after seconds, and more seldom later, once a minute),
    ``progress.csv``, and ``tensorboard/`` where the package tensorboard is installed. The first Ctrl-C or
    SIGTERM ends training after the present iteration and saves all of these; a second one stops at once.

    A file that cannot be written is a warning while training goes on, and is tried again.

    Args:
        preset: How it is trained.
        out: The folder.
        seed: Of tasks, initialisation and actions.
        machine: Where the replicas are trained; the policy stays on the CPU.
        on_progress: Called after each iteration.

    Raises:
        InputError: if the folder already holds a training or cannot be written to, or the algorithm needs a
            package that is not installed; and if the result cannot be written in the end.
    """
    if (out / CHECKPOINT).exists():
        raise InputError(f"{out} already holds a training: go on with --resume, or give another folder")
    _check_folder(out)
    env = make_env(preset, machine)
    model = make_model(preset, env, seed=seed)
    return _learn(model, env, preset, out, seed=seed, on_progress=on_progress)


def resume(
    out: Path,
    *,
    episodes: int | None = None,
    machine: Machine = Machine(precision="auto"),
    on_progress: Callable[[Iteration], None] | None = None,
) -> Outcome:
    """Go on with a training that was stopped, as if it had not been.

    On the same machine the result is that of a training without a stop, bit
    for bit. Only where a replica's loss had ceased to be finite, and its next run begun before the others',
    do all begin together after a resumption.

    Args:
        out: The folder of the training.
        episodes: Another number of episodes than at first, to train on. A learning rate that falls goes on as
            in a training that had this number from the start.
        machine: Where the replicas are trained.
        on_progress: Called after each iteration.

    Raises:
        InputError: if the folder holds no training, a damaged one, or one that has learned from more episodes
            already, or cannot be written to; and if the result cannot be written in the end.
    """
    path = out / CHECKPOINT
    parameters, state = load_checkpoint(path)
    _check_folder(out)
    values = state.preset if episodes is None else {**state.preset, "episodes": episodes}
    preset = validated(Preset, values, f"the checkpoint in {out}")
    if preset.iterations * preset.replicas < state.episodes:
        raise InputError(
            f"the training in {out} has learned from {state.episodes} episodes already, more than {episodes}"
        )
    env = make_env(preset, machine)
    model = make_model(preset, env, seed=state.seed)
    restore(path, model, parameters, state)
    return _learn(model, env, preset, out, seed=state.seed, state=state, on_progress=on_progress)


def _learn(
    model: BaseAlgorithm,
    env: FloodVectorEnv,
    preset: Preset,
    out: Path,
    *,
    seed: int,
    on_progress: Callable[[Iteration], None] | None,
    state: TrainingState | None = None,
) -> Outcome:
    log = CsvLog(out / LOG, decisions=preset.decisions, episodes=0 if state is None else state.episodes)
    writers: list[KVWriter] = [log]
    if importlib.util.find_spec("tensorboard"):
        writers.append(TensorBoardLog(out / TENSORBOARD))
    model.set_logger(Logger(str(out), writers))
    seconds = 0.0 if state is None else state.seconds
    callback = TrainingCallback(env, preset, out, log, seed=seed, seconds=seconds, on_progress=on_progress)
    callback.init_callback(model)
    for key, value in ({} if state is None else state.logged).items():
        model.logger.record(key, value)
    steps = preset.iterations * preset.replicas * preset.decisions - model.num_timesteps
    with first_signal(callback.stop), quiet_tensorboard():
        if steps > 0:
            model.learn(steps, callback, log_interval=1, reset_num_timesteps=state is None)
    if callback.unwritten:
        told = "; ".join(
            f"{path} cannot be written ({reason(error)})" for path, error in callback.unwritten.items()
        )
        folder = callback.rescue()
        instead = "" if folder is None else f": all that training has come to is in {folder} instead"
        raise InputError(f"{told}{instead}")
    return Outcome(callback.controller(), out / CONTROLLER, callback.stopped_by, callback.seconds)


def _check_folder(out: Path) -> None:
    """Make sure that everything can be written, before hours of training."""
    for name in (CHECKPOINT, CONTROLLER, LOG, f"{TENSORBOARD}/events"):
        try:
            check_writable(out / name)
        except OSError as error:
            raise InputError(
                f"{out / name} cannot be written ({reason(error)}): choose another folder for the training"
            ) from None
