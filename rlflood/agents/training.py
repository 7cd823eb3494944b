"""Training a controller: Stable-Baselines3 on groups of replicas."""

import importlib.util
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from rlflood.agents.checkpoint import (
    TrainingState,
    global_random_state,
    load_checkpoint,
    restore_global_random_state,
    save_checkpoint,
)
from rlflood.agents.export import controller_from_policy
from rlflood.agents.log import CsvLog
from rlflood.agents.preset import Preset, algorithm_class
from rlflood.envs import FloodVectorEnv
from rlflood.envs.stable_baselines import FloodVecEnv, stable_baselines_env
from rlflood.errors import InputError
from rlflood.schedulers.controller import Controller
from rlflood.training import Precision
from rlflood.validation import validated

CHECKPOINT, CONTROLLER, LOG, TENSORBOARD = (
    "checkpoint.zip",
    "controller.safetensors",
    "progress.csv",
    "tensorboard",
)
_SECONDS_BETWEEN_CHECKPOINTS = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands after an iteration.

    Attributes:
        episodes: Episodes learned from so far.
        total: Episodes to learn from in all.
        reward: Mean return of the last iteration's episodes: with the rewards ``final`` and
            ``improvement`` their final validation accuracy.
        entropy: Mean entropy of the policy's choice in nats, from ``log(levels)`` (undecided) towards 0.
    """

    episodes: int
    total: int
    reward: float
    entropy: float


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
        InputError: if the folder already holds a training.
    """
    if (out / CHECKPOINT).exists():
        raise InputError(f"{out} already holds a training: go on with --resume, or give another folder")
    env = _environment(preset, device, precision, threads)
    venv = stable_baselines_env(env, group_relative=preset.relative_reward)
    model = algorithm_class(preset.algorithm)(
        "MlpPolicy",
        venv,
        n_steps=preset.decisions,
        policy_kwargs={"net_arch": list(preset.policy)},
        stats_window_size=preset.replicas,
        seed=seed,
        device="cpu",
        **preset.hyperparameters,
    )
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
    for bit.

    Args:
        out: The folder of the training. Its checkpoint is unpickled by Stable-Baselines3: your own only.
        episodes: Another number of episodes than at first, to train on.
        device: Where the replicas are trained.
        precision: Of the replicas' training.
        threads: CPU threads, each with a part of the replicas.
        on_progress: Called after each iteration.

    Raises:
        InputError: if the folder holds no training, or a damaged one.
    """
    model_file, state = load_checkpoint(out / CHECKPOINT)
    values = state.preset if episodes is None else {**state.preset, "episodes": episodes}
    preset = validated(Preset, values, f"the checkpoint in {out}")
    env = _environment(preset, device, precision, threads)
    venv = stable_baselines_env(env, group_relative=preset.relative_reward)
    model = algorithm_class(preset.algorithm).load(model_file, env=venv, device="cpu")  # type: ignore[attr-defined]
    # loading has seeded everything anew; what was saved holds instead
    cast(FloodVecEnv, venv.unwrapped).load_state_dict(state.environment)
    restore_global_random_state(state.random)
    return _learn(
        model, env, preset, out,
        seed=state.seed, episodes=state.episodes, seconds=state.seconds, logged=state.logged,
        on_progress=on_progress,
    )  # fmt: skip


def _environment(preset: Preset, device: str, precision: Precision, threads: int) -> FloodVectorEnv:
    return FloodVectorEnv(
        preset.replicas,
        tasks=preset.tasks,
        group_size=preset.group_size,
        autoreset_mode=AutoresetMode.SAME_STEP,
        levels=preset.levels,
        level_unit=preset.level_unit,
        observation=preset.observation,
        reward=preset.reward,
        decisions=preset.decisions,
        device=device,
        precision=precision,
        threads=threads,
    )


def _learn(
    model: OnPolicyAlgorithm,
    env: FloodVectorEnv,
    preset: Preset,
    out: Path,
    *,
    seed: int,
    on_progress: Callable[[Progress], None] | None,
    episodes: int = 0,
    seconds: float = 0.0,
    logged: Mapping[str, float] = MappingProxyType({}),
) -> Outcome:
    log = CsvLog(out / LOG, decisions=preset.decisions, episodes=episodes)
    writers: list[KVWriter] = [log]
    if importlib.util.find_spec("tensorboard"):
        writers.append(TensorBoardOutputFormat(str(out / TENSORBOARD)))
    model.set_logger(Logger(str(out), writers))
    callback = _Callback(env, preset, out, log, seed=seed, seconds=seconds, on_progress=on_progress)
    steps = preset.iterations * preset.replicas * preset.decisions - episodes * preset.decisions
    callback.init_callback(model)
    for key, value in logged.items():
        model.logger.record(key, value)
    with _first_interrupt(callback.stop):
        if steps > 0:
            model.learn(steps, callback, log_interval=1, reset_num_timesteps=episodes == 0)
    return Outcome(callback.controller(), out / CONTROLLER, not callback.stopped, callback.seconds)


class _Callback(BaseCallback):
    """Between two iterations: report, write checkpoints, stop when asked to."""

    def __init__(
        self,
        env: FloodVectorEnv,
        preset: Preset,
        out: Path,
        log: CsvLog,
        *,
        seed: int,
        seconds: float,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        super().__init__()
        self._env, self._preset, self._out, self._log, self._seed = env, preset, out, log, seed
        self._on_progress = on_progress
        self._begun = time.monotonic() - seconds
        self._last_checkpoint = time.monotonic()
        self._stop_asked = threading.Event()
        self.stopped = False

    @property
    def seconds(self) -> float:
        """Time spent training so far."""
        return time.monotonic() - self._begun

    def stop(self) -> None:
        """Ask training to end after the present iteration."""
        self._stop_asked.set()

    def controller(self) -> Controller:
        """The policy as it is now."""
        provenance = {
            "algorithm": self._preset.algorithm,
            "preset": self._preset.model_dump(mode="json"),
            "seed": self._seed,
            "episodes": self._episodes,
            "seconds": round(self.seconds, 1),
            "precision": self._env.precision,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "stable-baselines3", "gymnasium", "numpy")},
            },
        }
        return controller_from_policy(self.model.policy, self._preset.spec, provenance)  # type: ignore[arg-type]

    @property
    def _episodes(self) -> int:
        return self.model.num_timesteps // self._preset.decisions

    def _on_rollout_start(self) -> None:
        # the only point at which nothing is under way: the policy is updated, every episode has just begun
        due = time.monotonic() - self._last_checkpoint > _SECONDS_BETWEEN_CHECKPOINTS
        if self._stop_asked.is_set() or due:
            self._save()
        self.stopped = self._stop_asked.is_set()

    def _on_step(self) -> bool:
        return not self.stopped

    def _on_rollout_end(self) -> None:
        if self._on_progress is not None:
            returns = [float(info["r"]) for info in self.model.ep_info_buffer or ()]
            self._on_progress(
                Progress(
                    self._episodes,
                    self._preset.iterations * self._preset.replicas,
                    float(np.mean(returns)) if returns else float("nan"),
                    -float(self.logger.name_to_value.get("train/entropy_loss", np.nan)),
                )
            )

    def _on_training_end(self) -> None:
        if not self.stopped:
            self._save()

    def _save(self) -> None:
        state = TrainingState(
            preset=self._preset.model_dump(mode="json"),
            seed=self._seed,
            episodes=self._episodes,
            seconds=self.seconds,
            environment=self._env.state_dict(),
            random=global_random_state(),
            logged={key: float(value) for key, value in self.logger.name_to_value.items()},
        )
        save_checkpoint(self._out / CHECKPOINT, self.model, state)
        self.controller().save(self._out / CONTROLLER)
        self._log.save()
        self._last_checkpoint = time.monotonic()


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
