"""Population based training of the flood level."""

import numpy as np
from numpy.typing import NDArray

from rlflood.experiments.methods.base import Method, MethodOptions
from rlflood.experiments.methods.random_search import search_generators
from rlflood.experiments.methods.registry import register, whole_number
from rlflood.experiments.runs.history import History
from rlflood.experiments.runs.parts import interim_epochs, run_in_parts
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.experiments.runs.stacks import stack
from rlflood.metrics import Array, Metrics
from rlflood.training import GivenLevels, Machine, Task, run

RESAMPLE_PROBABILITY = 0.25
FACTORS = (0.8, 1.2)


class PopulationBasedTraining(Method):
    """Trains a population at levels that change on the way (Jaderberg et al. 2017).

    All members of a repeat begin with the same weights and see the same mini-batches, at levels drawn as in
    random search. Ten times a run less one, the worst quarter by validation accuracy, ties by loss, copies
    members of the best quarter drawn at random (truncation selection) and explores: its level is multiplied
    by 0.8 or 1.2 or, with probability 1/4, drawn anew, and held within its range.

    The record's levels are those of the picked member's lineage: the weights in its past, whichever member
    they belonged to. Trained again under them alone, a network of the repeat's seeds gives the same run. The
    search's values are the members' last levels.

    Args:
        name: The method's name.
        population: Members, at least 2.
        highest_level: The levels lie between 0 and this, in nats.
    """

    def __init__(self, name: str, population: int, highest_level: float) -> None:
        self.name, self.width, self.highest_level = name, population, highest_level

    def epochs(self, task: Task) -> int:
        """One run a member."""
        return self.width * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`."""
        return run_in_parts(setting, machine, self.width, self._run_part, on_progress)

    def _run_part(self, setting: Setting, machine: Machine, on_progress: Progress) -> Record:
        epochs, generators = setting.task.epochs, search_generators(setting)
        levels = np.stack([rng.uniform(0.0, self.highest_level, self.width) for rng in generators])
        trainer = stack(setting, machine, np.repeat(np.arange(setting.repeats), self.width))
        history, turns = History(), set(interim_epochs(epochs))
        given = GivenLevels(levels.ravel())
        for epoch in run(trainer, given, epochs=epochs):
            history.add(trainer.levels, epoch)
            if epoch.number in turns:
                sources, levels = self._next_generation(generators, levels, epoch.metrics)
                trainer.copy_replicas(sources)
                history.copy_replicas(sources)
                given.level = levels.ravel()
            on_progress(epoch.number * levels.size, epochs * levels.size)
        runs = history.runs(trainer)
        return picked_record(self.name, runs, levels)

    def _next_generation(
        self, generators: list[np.random.Generator], levels: Array, metrics: Metrics
    ) -> tuple[NDArray[np.int64], Array]:
        """The replica that each replica of the stack becomes a copy of, and the members' new levels."""
        accuracy = np.reshape(metrics.val_acc, levels.shape)
        loss = np.reshape(metrics.val_loss, levels.shape)
        members = np.tile(np.arange(self.width), (len(levels), 1))
        levels = levels.copy()
        for repeat, rng in enumerate(generators):
            worst, best = quarters(accuracy[repeat], loss[repeat])
            members[repeat, worst] = rng.choice(best, len(worst))
            levels[repeat] = levels[repeat, members[repeat]]
            levels[repeat, worst] = explored(levels[repeat, worst], self.highest_level, rng)
        first = np.arange(len(levels))[:, None] * self.width
        return (first + members).ravel(), levels


def quarters(accuracy: Array, loss: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The members of the worst and of the best quarter, at least one each.

    Args:
        accuracy: Validation accuracy of each member, shape ``(members,)``; the higher, the better.
        loss: Validation loss; the lower wins ties. One that is not finite is worse than anything.
    """
    finite = np.isfinite(loss)
    accuracy, loss = np.where(finite, accuracy, -np.inf), np.where(finite, loss, np.inf)
    order = np.lexsort((loss, -accuracy))
    count = max(1, len(order) // 4)
    return order[-count:], order[:count]


def explored(levels: Array, highest: float, rng: np.random.Generator) -> Array:
    """Levels near those given or, with probability 1/4, anywhere between 0 and the highest: same shape."""
    near = levels * rng.choice(FACTORS, levels.shape)
    anywhere = rng.uniform(0.0, highest, levels.shape)
    resampled = rng.random(levels.shape) < RESAMPLE_PROBABILITY
    clipped: Array = np.where(resampled, anywhere, near).clip(0.0, highest)
    return clipped


@register(
    "pbt", "population based training of the level: the worst copy the best and explore", argument="RUNS"
)
def _pbt(argument: str | None, options: MethodOptions) -> Method:
    population = options.runs if argument is None else whole_number("pbt", argument, 2, "pbt:11")
    name = "pbt" if argument is None else f"pbt:{population}"
    return PopulationBasedTraining(name, population, options.highest_level)
