"""What happens between two iterations of training: reports, checkpoints, stopping when asked to."""

import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from rlflood.agents.algorithm import algorithm_class
from rlflood.agents.checkpoint import TrainingState, global_random_state, save_checkpoint
from rlflood.agents.export import controller_from_policy
from rlflood.agents.log import CsvLog
from rlflood.agents.preset import Preset
from rlflood.control.controller import Controller
from rlflood.envs import FloodVectorEnv
from rlflood.saving import Pace, attempt

CHECKPOINT, CONTROLLER, LOG = "checkpoint.zip", "controller.safetensors", "progress.csv"
_PACKAGES = ("torch", "stable-baselines3", "gymnasium", "numpy")


@dataclass(frozen=True, slots=True)
class Iteration:
    """Where training stands after an iteration.

    Attributes:
        episodes: Episodes learned from so far.
        total: Episodes to learn from in all.
        reward: Mean return of the last iteration's episodes, not relative to their groups: an accuracy, but
            for the reward ``accuracy``.
        entropy: Mean entropy of the policy's choice in nats, from ``log(levels)`` (undecided) towards 0, as
            estimated from the actions taken; not a number for ``ars``, whose policies do not draw.
    """

    episodes: int
    total: int
    reward: float
    entropy: float


class TrainingCallback(BaseCallback):
    """Reports each iteration, writes checkpoints, and stops when asked to.

    The first checkpoint comes after seconds. One that cannot be written is a warning while training goes on;
    ``unwritten`` has what could not be written last.

    Args:
        env: The environment that is learned on.
        preset: How it is trained.
        out: The folder for the checkpoint and the controller.
        log: Saved with each checkpoint.
        seed: The training's seed.
        seconds: Time spent training before a resumption.
        on_progress: Called after each iteration's episodes.
    """

    def __init__(
        self,
        env: FloodVectorEnv,
        preset: Preset,
        out: Path,
        log: CsvLog,
        *,
        seed: int,
        seconds: float,
        on_progress: Callable[[Iteration], None] | None,
    ) -> None:
        super().__init__()
        self._env, self._preset, self._out, self._log, self._seed = env, preset, out, log, seed
        self._on_progress = on_progress
        self._begun = time.monotonic() - seconds
        self._pace = Pace()
        self._state: TrainingState | None = None
        self._stop_asked: int | None = None
        self.stopped_by: int | None = None
        self.unwritten: dict[Path, OSError] = {}

    @property
    def seconds(self) -> float:
        """Time spent training so far."""
        return time.monotonic() - self._begun

    def stop(self, number: int) -> None:
        """Ask training to end after the present iteration, because of the signal of this number."""
        self._stop_asked = number

    def controller(self) -> Controller:
        """The policy as it is now."""
        contributed = ("sb3-contrib",) if _is_contributed(self._preset) else ()
        provenance = {
            "algorithm": self._preset.algorithm,
            "preset": self._preset.model_dump(mode="json"),
            "seed": self._seed,
            "episodes": self._episodes,
            "seconds": round(self.seconds, 1),
            "precision": self._env.machine.precision,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in (*_PACKAGES, *contributed)},
            },
        }
        return controller_from_policy(self.model.policy, self._preset.spec, provenance)

    @property
    def _episodes(self) -> int:
        return self.model.num_timesteps // self._preset.decisions

    def _on_rollout_start(self) -> None:
        # the only point at which nothing is under way: the policy is updated, every episode has just begun
        asked = self._stop_asked
        due = self._episodes > 0 and self._pace.due()  # before the first episode there is nothing to lose
        if asked is not None or due:
            self._save()
        self.stopped_by = asked

    def _on_step(self) -> bool:
        return self.stopped_by is None

    def _on_rollout_end(self) -> None:
        entropy = self._entropy()
        if np.isfinite(entropy):
            self.logger.record("rollout/entropy", entropy)
        if self._on_progress is not None:
            returns = [float(info["r"]) for info in self.model.ep_info_buffer or ()]
            total = self._preset.iterations * self._preset.replicas
            reward = float(np.mean(returns)) if returns else float("nan")
            self._on_progress(Iteration(self._episodes, total, reward, entropy))

    def _entropy(self) -> float:
        """The mean surprise of the actions taken."""
        buffer = getattr(self.model, "rollout_buffer", None)
        return float("nan") if buffer is None else -float(np.mean(buffer.log_probs))

    def _on_training_end(self) -> None:
        if self.stopped_by is None:
            self._save()

    def _save(self) -> None:
        self._state = TrainingState(
            preset=self._preset.model_dump(mode="json"),
            seed=self._seed,
            episodes=self._episodes,
            updates=self.model._n_updates,
            seconds=self.seconds,
            environment=self._env.state_dict(),
            random=global_random_state(),
            logged={key: float(value) for key, value in self.logger.name_to_value.items()},
        )
        with self._pace.writing():
            self.unwritten = self._write(self._out)

    def _write(self, folder: Path) -> dict[Path, OSError]:
        """Write everything of the last iteration into a folder; what could not be written, and why."""
        assert self._state is not None
        checkpoint, controller, log = folder / CHECKPOINT, folder / CONTROLLER, folder / LOG
        return attempt(
            folder,
            {
                checkpoint: partial(save_checkpoint, checkpoint, self.model, self._state),
                controller: partial(self.controller().save, controller),
                log: partial(self._log.save, log),
            },
            "training goes on, and tries again",
        )

    def rescue(self) -> Path | None:
        """Write what could not be written in the end into a temporary folder; None if that fails, too."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="rlflood-"))
        except OSError:
            return None
        return None if self._write(folder) else folder


def _is_contributed(preset: Preset) -> bool:
    bases = algorithm_class(preset.algorithm).__mro__
    return any(base.__module__.startswith("sb3_contrib.") for base in bases)
