"""One episode of one replica, or of many in step: the core that both environments share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlflood.control.control import Control
from rlflood.control.spec import ControlSpec
from rlflood.control.walk import Walk
from rlflood.envs.rewards import RewardKind, reward
from rlflood.errors import InputError
from rlflood.metrics import Metrics, Values
from rlflood.training import GivenLevels, Machine, Task, make_population, run
from rlflood.training.averaging import average_steps
from rlflood.training.distribution import TaskSource
from rlflood.training.trainer import Moment
from rlflood.words import counted


@dataclass(frozen=True, slots=True)
class Draw:
    """The task and the seeds of one episode."""

    task: Task
    data_seed: int
    network_seed: int

    @classmethod
    def from_rng(cls, tasks: TaskSource, rng: np.random.Generator) -> "Draw":
        """A task from ``tasks`` and fresh seeds, all from ``rng``."""
        data_seed, network_seed = rng.integers(2**31, size=2)
        return cls(tasks.draw(rng), int(data_seed), int(network_seed))


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """What does not change from episode to episode.

    Attributes:
        spec: Observation, level set and decisions of a run.
        epochs_per_step: Epochs of a step; ``None`` to spread ``spec.decisions`` evenly over each run.
        reward: see :func:`rlflood.envs.rewards.reward`.
        failure_penalty: The reward of the step in which a loss is no longer finite is minus this.
        machine: Where to train.
    """

    spec: ControlSpec
    epochs_per_step: int | None
    reward: RewardKind
    failure_penalty: float
    machine: Machine

    def spec_for(self, task: Task) -> ControlSpec:
        """How the policy is joined to a run of ``task``.

        Raises:
            InputError: if the run's epochs are no multiple of ``epochs_per_step``, the strengths
                are those of another criterion, or the validation samples are trained on where something goes
                by them.
        """
        if self.spec.strengths and task.criterion != self.spec.criterion:
            raise InputError(
                f"the strengths are those of {self.spec.criterion}, and a task is trained with "
                f"{task.criterion}: give all tasks one criterion"
            )
        if task.joined and (self.spec.needs_validation or self.reward != "held-out"):
            raise InputError(
                "joined trains on the validation samples, so nothing may go by them: use the observation "
                "'training' and the reward 'held-out', or leave joined out"
            )
        if self.epochs_per_step is None:
            return self.spec
        decisions, rest = divmod(task.epochs, self.epochs_per_step)
        if rest:
            are = "is" if task.epochs == 1 else "are"
            raise InputError(
                f"the run's {counted(task.epochs, 'epoch')} {are} no multiple of "
                f"epochs_per_step={self.epochs_per_step}; change one of them, or give decisions instead"
            )
        return replace(self.spec, decisions=decisions)


class Episode:
    """Flooded training under actions, for replicas that start together.

    Args:
        draws: Task and seeds of each replica; the tasks must fit one stack.
        settings: Observation, levels, reward and device.
    """

    def __init__(self, draws: Sequence[Draw], settings: EpisodeSettings) -> None:
        tasks = [draw.task for draw in draws]
        self.settings = settings
        spec = settings.spec_for(tasks[0])
        self.trainer = make_population(
            tasks,
            [draw.data_seed for draw in draws],
            [draw.network_seed for draw in draws],
            machine=settings.machine,
            keep_best=spec.returning,
            average=average_steps(tasks[0]) if spec.average else None,
            hold=spec.hold,
        )
        self._paid: Moment = "average" if spec.average else "last"
        self._walk = Walk()
        self._train_loss: Values = np.inf  # of the last epoch
        self._control = Control(spec, epochs=tasks[0].epochs, classes=self.trainer.classes)
        self._val_acc = np.zeros(len(draws))
        self.diverged = np.zeros(len(draws), bool)
        self._level = np.zeros(len(draws))

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        return self._control.epoch

    @property
    def over(self) -> bool:
        """Whether the epoch budget is spent."""
        return self._control.epoch >= self._control.epochs

    def observation(self) -> NDArray[np.float32]:
        """What the policy sees now: shape ``(replicas, features)``."""
        observation = self._control.observation()
        return np.broadcast_to(observation, (self.trainer.replicas, observation.shape[1])).copy()

    def step(self, actions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Train to the next decision under ``actions``; the rewards, shape ``(replicas,)``."""
        self._control.act(actions)
        given = GivenLevels()
        self._set(given)
        for epoch in run(self.trainer, given, epochs=self._control.epochs):
            self._control.update(epoch.metrics, epoch.levels)
            self._level, metrics = epoch.levels, epoch.metrics
            self._train_loss = metrics.train_loss
            # of every epoch: a loss can overflow once and come back
            self.diverged |= ~(np.isfinite(metrics.train_loss) & np.isfinite(metrics.val_loss))
            if self._control.due:
                break
            self._set(given)
        val_acc = self._validation(metrics)
        # the test split is no test split where it pays: see test_info
        held_out = (
            self.trainer.evaluate("test", self._paid).clean_accuracy
            if self.over and self.settings.reward == "held-out"
            else None
        )
        rewards = reward(self.settings.reward, self._val_acc, val_acc, self.over, held_out)
        self._val_acc = val_acc
        return np.where(self.diverged, -self.settings.failure_penalty, rewards)

    def _set(self, given: GivenLevels) -> None:
        """How the next epoch is trained, as a :class:`~rlflood.schedulers.PolicyScheduler` has it."""
        given.level, given.strength = self._control.level, self._control.strength
        given.returns = self._control.returns
        self._walk.update(self._train_loss, given.level)
        given.begins = self._walk.begins | given.returns

    def _validation(self, metrics: Metrics) -> NDArray[np.float64]:
        """The validation accuracy of the network that is paid for; held-out samples pay without it."""
        if self._paid == "last" or self.settings.reward == "held-out":
            return np.asarray(metrics.val_acc)
        return self.trainer.evaluate("val", self._paid).accuracy

    def info(self) -> dict[str, NDArray[Any]]:
        """What stands in ``info`` at every step: arrays of shape ``(replicas,)``."""
        return {
            "epoch": np.full(self.trainer.replicas, self.epoch),
            "level": self._level.copy(),
            "diverged": self.diverged.copy(),
        }

    def test_info(self) -> dict[str, NDArray[Any]]:
        """What stands in the last ``info`` besides: the test split, which nothing else sees.

        Under the reward ``held-out`` that split is what pays, so there is none to report.
        """
        if self.settings.reward == "held-out":
            return {}
        test = self.trainer.evaluate("test", self._paid)
        return {
            "test_loss": test.loss,
            "test_accuracy": test.accuracy,
            "test_clean_accuracy": test.clean_accuracy,
        }
