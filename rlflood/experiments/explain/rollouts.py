"""Runs under a controller, with all that it sees and chooses written down."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlflood.columns import Columns
from rlflood.control import Controller
from rlflood.control.controller import Memory
from rlflood.control.levels import LevelUnit
from rlflood.envs.episode import Draw
from rlflood.experiments.runs.record import ended_without_a_loss
from rlflood.experiments.runs.setting import Progress, no_progress, task_for
from rlflood.experiments.runs.stacks import most_replicas
from rlflood.metrics import Array
from rlflood.schedulers import PolicyScheduler
from rlflood.training import Machine, Population, make_population, run

_UNITS: dict[LevelUnit, str] = {
    "absolute": "nats",
    "relative": "share of the best validation loss",
    "turning-point": "share of the train loss at the turn",
    "guessing": "share of the loss of guessing",
}


@dataclass(frozen=True, slots=True, eq=False)
class Decisions(Columns):
    """Every decision of every run that was the controller's to take, one a row.

    What a controller would choose after its run was left to the rule
    (:attr:`~rlflood.schedulers.PolicyScheduler.left_to_rule`) has no effect, and is not here.

    Attributes:
        observations: What the controller saw, float32, shape ``(rows, features)``.
        run: Whose decision it is, shape ``(rows,)``.
        number: Which of the run's decisions it is, from 0, shape ``(rows,)``.
        third: The third of the run in which it falls: 0, 1 or 2, shape ``(rows,)``.
        present: The choice that held until then, which a return leaves as it is, shape ``(rows,)``.
        memory: What the controller remembered before it, shape ``(rows, 2, units)``; ``None`` if it has no
            memory.
    """

    observations: NDArray[np.float32]
    run: NDArray[np.int64]
    number: NDArray[np.int64]
    third: NDArray[np.int64]
    present: NDArray[np.int64]
    memory: Memory | None


@dataclass(frozen=True, slots=True, eq=False)
class Rollouts:
    """What became of the runs. Curves have the shape ``(runs, epochs)``.

    Runs of different lengths, as the variants of a mixture may have, are brought to the length of the
    longest: each stands where it stood at the same share of its budget.

    Attributes:
        controller: Under which they ran.
        draw: The draw (task, data and initialisation) of each run, shape ``(runs,)``.
        label_noise: Of each run, shape ``(runs,)``.
        levels: Flood levels in nats.
        fractions: The same over the best validation loss so far; NaN while there is none and the controller
            sets absolute levels.
        train_loss: In nats.
        val_loss: In nats.
        strengths: Of the criterion; None where the controller sets none.
        returns: How many times the best weights were put back, shape ``(runs,)``.
        left_to_rule: Whether the rule had taken over from the controller by the end, shape ``(runs,)``.
        decisions: What the controller saw.
        described: How many tasks of what kind, at which label noises, in words.
    """

    controller: Controller
    draw: NDArray[np.int64]
    label_noise: Array
    levels: Array
    fractions: Array
    train_loss: Array
    val_loss: Array
    strengths: Array | None
    returns: NDArray[np.int64]
    left_to_rule: NDArray[np.bool_]
    decisions: Decisions
    described: str

    @property
    def features(self) -> tuple[str, ...]:
        """The names of what the controller sees."""
        return self.controller.spec.features

    @property
    def relative(self) -> bool:
        """Whether the controller sets fractions of the best validation loss so far, not nats."""
        return self.controller.spec.levels.unit == "relative"

    @property
    def unit(self) -> str:
        """What an action of the controller is measured in, in words."""
        return _UNITS[self.controller.spec.levels.unit]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Whether the run ended with a loss that is not finite, shape ``(runs,)``."""
        return ended_without_a_loss(self.train_loss, self.val_loss)

    def levels_of(self, actions: NDArray[np.int64], present: NDArray[np.int64]) -> Array:
        """The levels that actions lead to, in :attr:`unit`: a return leaves the present one.

        Args:
            actions: Of decisions, shape ``(rows,)``.
            present: What held before each, likewise.
        """
        spec = self.controller.spec
        kept = np.where(spec.is_return(actions), present, actions)
        return np.asarray(spec.levels.values)[spec.level_numbers(kept)]

    @property
    def chosen(self) -> Array:
        """The levels as the controller sets them: fractions if it is :attr:`relative`, else nats."""
        return self.fractions if self.relative else self.levels


def roll_out(
    controller: Controller,
    draws: Sequence[Sequence[Draw]],
    described: str,
    machine: Machine = Machine(),
    *,
    on_progress: Progress = no_progress,
) -> Rollouts:
    """Train each draw at each label noise, under the controller.

    Args:
        controller: What sets the levels; it takes its most probable action, as in use.
        draws: See :func:`~rlflood.experiments.explain.fresh_tasks`; the runs of a row follow each other.
        described: The draws in words; see :func:`~rlflood.experiments.explain.describe_runs`.
        machine: Where to train.
        on_progress: Told of every epoch of every stack.

    Raises:
        InputError: if the data cannot be loaded or is too small.
    """
    runs = [replace(run, task=task_for(controller, run.task)) for row in draws for run in row]
    longest = max(run.task.epochs for run in runs)
    total, done = sum(run.task.epochs for run in runs), 0
    curves = np.empty((5, len(runs), longest))
    returns = np.zeros(len(runs), np.int64)
    left_to_rule = np.zeros(len(runs), bool)
    decisions: list[Decisions] = []
    for members in _stacks(runs, machine):

        def after_epoch(size: int = len(members)) -> None:
            nonlocal done
            done += size
            on_progress(done, total)

        own = [runs[i] for i in members]
        trainer = make_population(
            [run.task for run in own],
            [run.data_seed for run in own],
            [run.network_seed for run in own],
            machine=machine,
            keep_best=controller.spec.returning,
            hold=controller.spec.hold,
        )
        epochs = own[0].task.epochs
        found, scheduler = _run_stack(controller, trainer, epochs, after_epoch)
        left_to_rule[members], returns[members] = scheduler.left_to_rule, scheduler.put_back
        seen = Decisions.concat(scheduler.decisions)
        decisions.append(replace(seen, run=members[seen.run]))
        curves[:, members] = found[:, :, np.arange(longest) * epochs // longest]
    levels, fractions, train_loss, val_loss, strengths = curves
    return Rollouts(
        controller=controller,
        draw=np.repeat(np.arange(len(draws)), [len(row) for row in draws]),
        label_noise=np.array([run.task.label_noise for run in runs]),
        levels=levels,
        fractions=fractions,
        train_loss=train_loss,
        val_loss=val_loss,
        strengths=strengths if controller.spec.strengths else None,
        returns=returns,
        left_to_rule=left_to_rule,
        decisions=Decisions.concat(decisions),
        described=described,
    )


def _run_stack(
    controller: Controller, trainer: Population, epochs: int, after_epoch: Callable[[], None]
) -> tuple[Array, "_Watched"]:
    """Train a stack.

    Returns:
        The curves, shape ``(5, replicas, epochs)``, and what has watched the decisions; their ``run`` is the
        number of the replica.
    """
    scheduler = _Watched(controller, epochs, trainer.classes)
    rows = []
    fractions, strength = _fractions(scheduler), scheduler.strengths
    for epoch in run(trainer, scheduler, epochs=epochs):
        metrics = epoch.metrics
        rows.append(np.stack([epoch.levels, fractions, metrics.train_loss, metrics.val_loss, strength]))
        fractions, strength = _fractions(scheduler), scheduler.strengths  # of the next epoch
        after_epoch()
    return np.stack(rows, axis=2), scheduler


class _Watched(PolicyScheduler):
    """Notes each decision before it is taken; ``run`` is the number of the replica."""

    def __init__(self, controller: Controller, epochs: int, classes: NDArray[np.int64]) -> None:
        self.decisions: list[Decisions] = []
        self._replicas = len(classes)
        self.put_back = np.zeros(self._replicas, np.int64)
        super().__init__(controller, epochs=epochs, classes=classes)

    @property
    def strengths(self) -> Array:
        """Of the next epoch, shape ``(replicas,)``; NaN where the controller sets none."""
        strength = self.control.strength
        return np.broadcast_to(np.nan if strength is None else strength, self._replicas)

    def _decide(self) -> None:
        own = np.flatnonzero(~np.broadcast_to(self.control.left_to_rule, self._replicas))
        third = 3 * self.control.epoch // self.control.epochs
        number, third_of_run = (np.full_like(own, value) for value in (self.control.decided, third))
        memory = None
        if self.controller.lstm is not None:
            before = self.controller.lstm.blank() if self._memory is None else self._memory
            memory = np.broadcast_to(before, (self._replicas, *before.shape[1:]))[own]
        seen = self.control.observation()[own]
        present = np.broadcast_to(self.control.actions, self._replicas)[own]
        self.decisions.append(Decisions(seen, own, number, third_of_run, present, memory))
        super()._decide()
        self.put_back += self.control.returns


def _stacks(runs: Sequence[Draw], machine: Machine) -> Iterator[NDArray[np.int64]]:
    """The numbers of the runs that train together: of one kind, no more than the machine should hold."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for number, one in enumerate(runs):
        kinds.setdefault(one.task.stack_key, []).append(number)
    for numbers in kinds.values():
        most = min(most_replicas(runs[i].task, machine) for i in numbers)
        yield from np.array_split(np.array(numbers), -(-len(numbers) // most))


def _fractions(scheduler: PolicyScheduler) -> Array:
    """The present levels over the best validation losses so far, shape ``(replicas,)``."""
    control = scheduler.control
    if control.spec.levels.unit == "relative":
        return np.asarray(control.spec.levels.values)[control.spec.level_numbers(control.actions)]
    best = control.observer.best_val_loss
    return np.asarray(scheduler.level) / np.where(np.isfinite(best) & (best > 0), best, np.nan)
