"""Random search: the baseline of every tuner."""

import numpy as np

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.registry import register, whole_number
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ConstantFlood
from rlflood.training import Machine, Task


class RandomSearch(Method):
    """Trains runs at levels drawn uniformly and picks one by validation accuracy (Bergstra and Bengio 2012).

    Args:
        name: The method's name.
        runs: Levels tried; the first of them are those of a search of fewer runs.
        highest_level: The levels lie between 0 and this, in nats.
    """

    goes_on = True

    def __init__(self, name: str, runs: int, highest_level: float) -> None:
        self.name, self.width, self.highest_level = name, runs, highest_level

    def epochs(self, task: Task) -> int:
        """One run a level."""
        return self.width * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        values = np.stack(
            [rng.uniform(0.0, self.highest_level, self.width) for rng in search_generators(setting)]
        )
        runs = run_schedule(
            setting,
            lambda numbers: ConstantFlood(values.ravel()[numbers]),
            machine,
            runs_per_repeat=self.width,
            on_progress=on_progress,
            name=self.name,
        )
        return picked_record(self.name, runs, values, anytime=True)


def search_generators(setting: Setting) -> list[np.random.Generator]:
    """The random numbers of a search, one generator a repeat, apart from those of its data and networks."""
    return [np.random.default_rng(seed) for seed in search_seeds(setting)]


def search_seeds(setting: Setting) -> list[int]:
    """For each repeat, a seed of 32 bits that depends on the repeat's own two seeds alone."""
    pairs = zip(setting.data_seeds, setting.network_seeds, strict=True)
    return [int(np.random.SeedSequence(pair).generate_state(1)[0]) for pair in pairs]


@register("random", "runs at random levels, picked by validation accuracy", argument="RUNS")
def _random(argument: str | None, options: MethodOptions) -> Method:
    runs = options.runs if argument is None else whole_number("random", argument, 2, "random:11")
    return RandomSearch("random" if argument is None else f"random:{runs}", runs, options.highest_level)
