"""Training a controller: Stable-Baselines3 on groups of replicas."""

import importlib.util
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from rlflood.agents.callback import CHECKPOINT, CONTROLLER, Progress, TrainingCallback
from rlflood.agents.checkpoint import TrainingState, load_checkpoint, restore
from rlflood.agents.log import CsvLog
from rlflood.agents.model import make_env, make_model
from rlflood.agents.preset import Preset
from rlflood.envs import FloodVectorEnv
from rlflood.errors import InputError
from rlflood.schedulers.controller import Controller
from rlflood.training import Precision
from rlflood.validation import validated

__all__ = ["CHECKPOINT", "CONTROLLER", "LOG", "TENSORBOARD", "Outcome", "resume", "train"]

LOG, TENSORBOARD = "progress.csv", "tensorboard"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training gives.

    Attributes:
        controller: The controller as of the last iteration.
        path: Its file.
        finished: Whether all episodes were learned from, rather than stopped by Ctrl-C.
        seconds: Time spent training, over all resumptions.
    """

    controller: Controller
    path: Path
    finished: bool
    seconds: float


def train(
    preset: Preset,
    out: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    precision: Precision = "auto",
    threads: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train a controller from nothing.

    The folder gets ``controller.safetensors`` (the result, brought up to date at each checkpoint),
    ``checkpoint.zip`` (to go on from; written every minute), ``progress.csv``, and ``tensorboard/`` where
    the package tensorboard is installed. The first Ctrl-C ends training after the present iteration and
    saves all of these; a second one stops at once.

    Args:
        preset: The recipe.
        out: The folder.
        seed: Of tasks, initialisation and actions.
        device: Where the replicas are trained; the policy stays on the CPU.
        precision: Of the replicas' training.
        threads: CPU threads, each with a part of the replicas.
        on_progress: Called after each iteration.

    Raises:
        InputError: if the folder already holds a training, or the algorithm needs a package that is not
            installed.
    """
    if (out / CHECKPOINT).exists():
        raise InputError(f"{out} already holds a training: go on with --resume, or give another folder")
    env = make_env(preset, device=device, precision=precision, threads=threads)
    model = make_model(preset, env, seed=seed)
    return _learn(model, env, preset, out, seed=seed, on_progress=on_progress)


def resume(
    out: Path,
    *,
    episodes: int | None = None,
    device: str = "cpu",
    precision: Precision = "auto",
    threads: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Go on with a training that was stopped, as if it had not been.

    On the same machine, device, precision and threads the result is that of a training without a stop, bit
    for bit. Only where a replica's loss had ceased to be finite, and its next run begun before the others',
    do all begin together after a resumption.

    Args:
        out: The folder of the training.
        episodes: Another number of episodes than at first, to train on. A learning rate that falls goes on as
            in a training that had this number from the start.
        device: Where the replicas are trained.
        precision: Of the replicas' training.
        threads: CPU threads, each with a part of the replicas.
        on_progress: Called after each iteration.

    Raises:
        InputError: if the folder holds no training, or a damaged one.
    """
    path = out / CHECKPOINT
    parameters, state = load_checkpoint(path)
    values = state.preset if episodes is None else {**state.preset, "episodes": episodes}
    preset = validated(Preset, values, f"the checkpoint in {out}")
    env = make_env(preset, device=device, precision=precision, threads=threads)
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
    on_progress: Callable[[Progress], None] | None,
    state: TrainingState | None = None,
) -> Outcome:
    log = CsvLog(out / LOG, decisions=preset.decisions, episodes=0 if state is None else state.episodes)
    writers: list[KVWriter] = [log]
    if importlib.util.find_spec("tensorboard"):
        writers.append(TensorBoardOutputFormat(str(out / TENSORBOARD)))
    model.set_logger(Logger(str(out), writers))
    seconds = 0.0 if state is None else state.seconds
    callback = TrainingCallback(env, preset, out, log, seed=seed, seconds=seconds, on_progress=on_progress)
    callback.init_callback(model)
    for key, value in ({} if state is None else state.logged).items():
        model.logger.record(key, value)
    steps = preset.iterations * preset.replicas * preset.decisions - model.num_timesteps
    with _first_interrupt(callback.stop):
        if steps > 0:
            model.learn(steps, callback, log_interval=1, reset_num_timesteps=state is None)
    return Outcome(callback.controller(), out / CONTROLLER, not callback.stopped, callback.seconds)


@contextmanager
def _first_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on the first Ctrl-C; leave the second one its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def first(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
