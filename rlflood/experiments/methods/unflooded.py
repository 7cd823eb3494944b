"""Runs without flooding, by the network that is taken from them: what flooding must beat."""

import numpy as np

from rlflood.experiments.methods.base import Method, MethodOptions, ScheduledMethod
from rlflood.experiments.methods.registry import register
from rlflood.experiments.runs.level_runs import LevelRuns
from rlflood.experiments.runs.record import Runs
from rlflood.experiments.runs.setting import Progress, Setting
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine
from rlflood.training.trainer import Moment


class Unflooded(ScheduledMethod):
    """No flooding; one of the four networks of the run is deployed.

    Early stopping has no patience: the whole run is trained and paid for, so that the epoch of the best
    validation accuracy is among those seen. Ties go to the lower validation loss.

    Args:
        name: The method's name.
        deployed: Which network.
        runs: Where its runs come from; shared by methods that are made together.
    """

    def __init__(self, name: str, deployed: Moment, runs: LevelRuns) -> None:
        picks = deployed in ("best", "best-average")
        super().__init__(name, lambda task: ConstantFlood(0.0), deployed=deployed, needs_validation=picks)
        self._shared = runs

    def _runs(self, setting: Setting, machine: Machine, on_progress: Progress) -> Runs:
        return self._shared.get(setting, machine, np.zeros(1), on_progress)


def _register(name: str, summary: str, deployed: Moment) -> None:
    @register(name, summary)
    def build(argument: str | None, options: MethodOptions) -> Method:
        return Unflooded(name, deployed, options.unflooded_runs)


_register("none", "no flooding", "last")
_register("early-stopping", "no flooding; the weights of the best validation accuracy", "best")
_register("ema", "no flooding; an exponential moving average of the weights", "average")
_register("ema-early-stopping", "no flooding; that average at its best validation accuracy", "best-average")
