"""Optuna: the tuner that a careful user would take, with its pruners."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.random_search import search_seeds
from rlflood.experiments.methods.registry import register, whole_number
from rlflood.experiments.runs.history import History
from rlflood.experiments.runs.parts import interim_epochs, ranked, run_in_parts
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import stack
from rlflood.extras import check_package
from rlflood.metrics import Array
from rlflood.training import GivenLevels, Machine, Task, run

if TYPE_CHECKING:
    import optuna

PrunerName = Literal["none", "hyperband", "median"]
MOST_STARTUP_TRIALS = 10  # Optuna's default


class OptunaSearch(Method):
    """A search for the level by the tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna.

    Each repeat has a study of its own; trial ``t`` of all repeats is trained as one stack. Nothing is set
    against Optuna's defaults but for:

    - the trials drawn at random before the estimator takes over: a third of the runs, and no more than
      Optuna's 10. With 10, a search of 11 runs would be random search.
    - the objective: last validation accuracy and, less than one validation sample's worth, loss. The
      estimator looks at the order of the trials only, and this is the order by which a run is picked.

    A pruner is told validation accuracy after each tenth of a run. The epochs that a pruned trial did not
    need pay for further ones: a repeat goes on as long as a whole run fits into what is left. One that would
    end without a whole run is not allowed to prune its last.

    Args:
        name: The method's name.
        runs: The budget, in whole runs.
        highest_level: The levels lie between 0 and this, in nats.
        pruner: Stops trials early: Hyperband (Li et al. 2018) or by the median of earlier trials; or none.
    """

    def __init__(self, name: str, runs: int, highest_level: float, pruner: PrunerName = "none") -> None:
        self.name, self.runs, self.highest_level, self.pruner = name, runs, highest_level, pruner

    def check(self, task: Task) -> None:
        """See :meth:`Method.check`: it needs Optuna."""
        super().check(task)
        check_package("optuna", f"the method {self.name} needs Optuna")

    def epochs(self, task: Task) -> int:
        """All that trials may spend."""
        return self.runs * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        with _quiet_optuna():
            return run_in_parts(setting, machine, self.width, self._run_part, on_progress)

    def _run_part(self, setting: Setting, machine: Machine, on_progress: Progress) -> Record:
        budget = self.epochs(setting.task)
        total = setting.repeats * budget
        searches = [_RepeatSearch(self._study(setting.task, seed), budget) for seed in search_seeds(setting)]
        while active := [r for r, search in enumerate(searches) if search.left >= setting.task.epochs]:
            spent = total - sum(search.left for search in searches)

            def advance(done: int, spent: int = spent) -> None:
                on_progress(spent + done, total)

            self._run_trials(setting, machine, np.array(active), [searches[r] for r in active], advance)
        on_progress(total, total)
        return _record(self.name, searches, setting.task.epochs)

    def _run_trials(
        self,
        setting: Setting,
        machine: Machine,
        repeats: NDArray[np.int64],
        searches: list["_RepeatSearch"],
        on_progress: Callable[[int], None],
    ) -> None:
        """Train one trial of each of these repeats, in one stack."""
        trials = [search.study.ask() for search in searches]
        levels = np.array([trial.suggest_float("level", 0.0, self.highest_level) for trial in trials])
        epochs, turns = setting.task.epochs, interim_epochs(setting.task.epochs)
        trainer, history = stack(setting, machine, repeats), History()
        running, spent = np.full(len(trials), True), np.zeros(len(trials), np.int64)
        for trained in run(trainer, GivenLevels(levels), epochs=epochs):
            epoch, metrics = trained.number, trained.metrics
            history.add(trainer.levels, trained)
            spent[running] = epoch
            if epoch in turns:
                accuracy = np.where(np.isfinite(metrics.val_loss), metrics.val_acc, np.nan)
                for i in np.flatnonzero(running):
                    # the accuracy alone: losses of runs that have not met their levels differ by rounding
                    trials[i].report(float(accuracy[i]), turns.index(epoch) + 1)
                    running[i] = not (trials[i].should_prune() and searches[i].may_prune(epoch, epochs))
            on_progress(int(spent.sum()))
            if not running.any():
                break
        runs = history.runs(trainer)
        for number, (search, trial) in enumerate(zip(searches, trials, strict=True)):
            ended = _ended(runs.take([number]), int(spent[number]), epochs)
            candidate = _Candidate(float(levels[number]), int(spent[number]), ended)
            search.tell(trial, candidate, setting.task.val_size)

    def _study(self, task: Task, seed: int) -> "optuna.Study":
        import optuna

        pruners: dict[PrunerName, optuna.pruners.BasePruner] = {
            "none": optuna.pruners.NopPruner(),
            "median": optuna.pruners.MedianPruner(),
            "hyperband": optuna.pruners.HyperbandPruner(max_resource=len(interim_epochs(task.epochs)) + 1),
        }
        startup = min(MOST_STARTUP_TRIALS, max(1, self.runs // 3))
        return optuna.create_study(
            # Hyperband takes the bracket of a trial from the study's name
            study_name=str(seed),
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup),
            pruner=pruners[self.pruner],
            direction="maximize",
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A trial that has ended.

    Attributes:
        level: In nats.
        spent: Epochs trained.
        run: One run, over all epochs of the task; see :func:`_ended`.
    """

    level: float
    spent: int
    run: Runs


def _ended(run: Runs, spent: int, epochs: int) -> Runs:
    """The run as if it had ended after ``spent`` epochs: NaN from there on, in its curves and scores."""

    def cut(values: Array) -> Array:
        if values.ndim == 1:
            return values if spent == epochs else np.full_like(values, np.nan)
        return np.pad(values[:, :spent], ((0, 0), (0, epochs - spent)), constant_values=np.nan)

    return run.map(cut)


@dataclass(slots=True)
class _RepeatSearch:
    """The search of one repeat; ``left`` is what remains of its budget, in epochs."""

    study: "optuna.Study"
    left: int
    candidates: list[_Candidate] = field(default_factory=list)

    def may_prune(self, epoch: int, epochs: int) -> bool:
        """Whether the search has a whole run, or could still pay for one if this trial ended now."""
        whole = any(candidate.spent == epochs for candidate in self.candidates)
        return whole or self.left - epoch >= epochs

    def tell(self, trial: "optuna.Trial", candidate: _Candidate, val_size: int) -> None:
        """Take in a trial that has ended."""
        from optuna.trial import TrialState

        self.candidates.append(candidate)
        self.left -= candidate.spent
        accuracy, loss = float(candidate.run.val_acc[0, -1]), float(candidate.run.val_loss[0, -1])
        if candidate.spent < candidate.run.val_acc.shape[1]:
            self.study.tell(trial, state=TrialState.PRUNED)
        elif not np.isfinite(loss):
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, ranked(accuracy, loss, val_size))


def _record(method: str, searches: list[_RepeatSearch], epochs: int) -> Record:
    """The record of all repeats; those with fewer candidates than others are filled up with NaN."""
    shape = (len(searches), max(len(search.candidates) for search in searches))
    values, spent = np.full(shape, np.nan), np.zeros(shape)
    runs = []
    for r, search in enumerate(searches):
        for c, candidate in enumerate(search.candidates):
            values[r, c], spent[r, c] = candidate.level, candidate.spent
            runs.append(candidate.run)
        runs += [_ended(runs[-1], 0, epochs)] * (shape[1] - len(search.candidates))
    return picked_record(method, Runs.concat(runs), values, anytime=True, epochs=spent)


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Without Optuna's messages about studies; its verbosity is put back."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _search(kind: str, pruner: PrunerName, argument: str | None, options: MethodOptions) -> Method:
    runs = options.runs if argument is None else whole_number(kind, argument, 2, f"{kind}:11")
    return OptunaSearch(kind if argument is None else f"{kind}:{runs}", runs, options.highest_level, pruner)


@register("tpe", "Optuna's TPE over the level, picked by validation accuracy", argument="RUNS")
def _tpe(argument: str | None, options: MethodOptions) -> Method:
    return _search("tpe", "none", argument, options)


@register("tpe-hyperband", "TPE with Hyperband: more trials, the worse ones stopped early", argument="RUNS")
def _tpe_hyperband(argument: str | None, options: MethodOptions) -> Method:
    return _search("tpe-hyperband", "hyperband", argument, options)


@register("tpe-median", "TPE with median pruning: more trials, the worse ones stopped early", argument="RUNS")
def _tpe_median(argument: str | None, options: MethodOptions) -> Method:
    return _search("tpe-median", "median", argument, options)
