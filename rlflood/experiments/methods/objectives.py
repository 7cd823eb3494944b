"""Successors of flooding: other objectives, each as a grid search over the number that it needs."""

import numpy as np

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.grid import even_levels
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs.record import Record, Runs
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.metrics import Array
from rlflood.schedulers import ConstantFlood
from rlflood.training import (
    IndividualFlooding,
    Machine,
    MakeObjective,
    RelaxLoss,
    SoftAscentDescent,
    Task,
    WaveBound,
)


class ObjectiveGrid(Method):
    """Trains one run of an objective at every value of its knob and picks one by validation accuracy.

    Args:
        name: The method's name.
        knob: What the values are of.
        values: What the objective is given as its level, not negative: shape ``(candidates,)``.
        objective: Makes the objective of the runs that are trained together, given their numbers.
    """

    floods = False

    def __init__(self, name: str, knob: str, values: Array, objective: MakeObjective) -> None:
        self.name, self.knob = name, knob
        self.values = np.asarray(values, np.float64)
        self.width = len(self.values)
        self._objective = objective

    def epochs(self, task: Task) -> int:
        """One run a value."""
        return self.width * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`. The record's levels are the objective's own where it sets them itself."""
        runs = run_values(setting, self.values, self._objective, machine, on_progress)
        values = np.tile(self.values, (setting.repeats, 1))
        return picked_record(self.name, runs, values, knob=self.knob)


def run_values(
    setting: Setting,
    values: Array,
    objective: MakeObjective,
    machine: Machine = Machine(),
    on_progress: Progress = no_progress,
) -> Runs:
    """Run ``r * len(values) + k`` is that of repeat ``r`` under the objective at ``values[k]``."""
    return run_schedule(
        setting,
        lambda numbers: ConstantFlood(values[numbers % len(values)]),
        machine,
        runs_per_repeat=len(values),
        objective=objective,
        on_progress=on_progress,
    )


def epsilons(count: int) -> Array:
    """WaveBound's epsilons: ``count`` values from 0.001 on, evenly on a logarithmic scale, in nats.

    The paper takes 0.01 and 0.001, for the squared error of forecasts. Both are among the values, whatever
    their number, and are right where an epoch has many steps. In full batches the average lags behind by a
    hundred epochs, in which a cross-entropy falls by tenths of a nat; so the values go on to about 1 or 2,
    where nothing is bounded any more. Eleven have three to a decade.
    """
    decade = max(1, round((count - 1) / 3.3))
    # rounded, so that 0.01 is the 0.01 that a person types
    return (0.001 * 10.0 ** (np.arange(count) / decade)).round(10)


@register("iflood", "flooding of each sample (iFlood), a grid search over the level")
def _iflood(argument: str | None, options: MethodOptions) -> Method:
    levels = even_levels(options.runs, options.highest_level)
    return ObjectiveGrid("iflood", "level", levels, lambda numbers: IndividualFlooding())


@register("softad", "soft ascent-descent of each sample (SoftAD), a grid search over the threshold")
def _softad(argument: str | None, options: MethodOptions) -> Method:
    thresholds = even_levels(options.runs, options.highest_level)
    return ObjectiveGrid("softad", "threshold", thresholds, lambda numbers: SoftAscentDescent(sigma=1.0))


@register("relaxloss", "flooding and flattened posteriors in turns (RelaxLoss), a grid search over alpha")
def _relaxloss(argument: str | None, options: MethodOptions) -> Method:
    alphas = even_levels(options.runs, options.highest_level)
    return ObjectiveGrid("relaxloss", "alpha", alphas, lambda numbers: RelaxLoss())


@register("wavebound", "flooding at the loss of the averaged network (WaveBound), a grid search over epsilon")
def _wavebound(argument: str | None, options: MethodOptions) -> Method:
    return ObjectiveGrid("wavebound", "epsilon", epsilons(options.runs), lambda numbers: WaveBound())
