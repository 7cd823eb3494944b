"""Population based training by Ray Tune: what another implementation makes of the same problem."""

import logging
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import ray
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

from rlflood.experiments.methods.base import Method
from rlflood.experiments.methods.population_based import FACTORS, RESAMPLE_PROBABILITY
from rlflood.experiments.methods.random_search import search_generators, search_seeds
from rlflood.experiments.runs.parts import interim_epochs
from rlflood.experiments.runs.record import Record
from rlflood.experiments.runs.selection import picked_record
from rlflood.experiments.runs.setting import Progress, Setting, no_progress
from rlflood.training import Machine, Task
from tests.oracles.ray_member import RUN, SCORE, Member, as_runs

_SWITCHES = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report its use to its makers
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # a busy machine needs more than the 30 seconds of the defaults
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
}
_STORE_BYTES = 100_000_000


class RayPopulationBasedTraining(Method):
    """Population based training by Ray Tune's scheduler, in one process and one network at a time.

    It does what rlflood's own method ``pbt`` does, with the same first levels, turns, factors and
    probabilities, in Ray's ways: its quarters are rounded up, and a member goes on from a checkpoint in each
    turn. Members wait for each other at every turn, and Ray's scheduler, which draws from Python's global
    random numbers, finds them seeded for the repeat: a repeat gives the same run again, unless Ray lets
    members end a turn in another order after a process of its own has failed.

    It is slower than the stacked method by orders of magnitude, and always trains on the processor.

    Args:
        population: Members, at least 2.
        highest_level: The levels lie between 0 and this, in nats.
    """

    name = "ray-pbt"

    def __init__(self, population: int, highest_level: float) -> None:
        self.population, self.highest_level = population, highest_level

    def epochs(self, task: Task) -> int:
        """One run a member."""
        return self.population * task.epochs

    def run(
        self, setting: Setting, machine: Machine = Machine(), on_progress: Progress = no_progress
    ) -> Record:
        """See :meth:`Method.run`; progress is told after each repeat."""
        members: list[dict[str, Any]] = []
        with _local_ray() as folder:
            for repeat in range(setting.repeats):
                part = setting.part(slice(repeat, repeat + 1))
                members += self._members(part, folder)
                done = (repeat + 1) * self.epochs(setting.task)
                on_progress(done, setting.repeats * self.epochs(setting.task))
        runs = as_runs(members)
        return picked_record(self.name, runs, runs.levels[:, -1].reshape(setting.repeats, self.population))

    def _members(self, setting: Setting, folder: str) -> list[dict[str, Any]]:
        """The runs of the members of one repeat, in the order in which their first levels were drawn."""
        (rng,), (seed,) = search_generators(setting), search_seeds(setting)
        levels = rng.uniform(0.0, self.highest_level, self.population).tolist()
        turns = [*interim_epochs(setting.task.epochs), setting.task.epochs]
        scheduler = PopulationBasedTraining(
            time_attr="training_iteration",
            perturbation_interval=1,
            hyperparam_mutations={"level": lambda: random.uniform(0.0, self.highest_level)},
            custom_explore_fn=self._clipped,
            quantile_fraction=0.25,
            resample_probability=RESAMPLE_PROBABILITY,
            perturbation_factors=FACTORS,
            log_config=False,
            synch=True,
        )
        tuner = tune.Tuner(
            tune.with_parameters(Member, setting=setting, turns=turns),
            param_space={"level": tune.grid_search(levels)},
            tune_config=tune.TuneConfig(metric=SCORE, mode="max", scheduler=scheduler, reuse_actors=True),
            run_config=tune.RunConfig(
                name=str(seed), storage_path=folder, stop={"training_iteration": len(turns)}, verbose=0
            ),
        )
        with _seeded(seed):
            results = tuner.fit()
        if results.errors:
            raise RuntimeError(f"Ray Tune could not train a member: {results.errors[0]}")
        return [(results[member].metrics or {})[RUN] for member in range(len(results))]

    def _clipped(self, config: dict[str, Any]) -> dict[str, Any]:
        return config | {"level": float(np.clip(config["level"], 0.0, self.highest_level))}


@contextmanager
def _local_ray() -> Iterator[str]:
    """Ray on this machine with one worker, as quiet as it can be; gives a folder that goes with it."""
    folder = tempfile.TemporaryDirectory(prefix="rlflood-", ignore_cleanup_errors=True)
    with folder as path, _switches():
        ray.init(
            num_cpus=1,
            num_gpus=0,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=path,
        )
        try:
            yield path
        finally:
            ray.shutdown()


@contextmanager
def _switches() -> Iterator[None]:
    """Ray's switches in the environment, from which its processes take them; the environment is put back."""
    before = {name: os.environ.get(name) for name in _SWITCHES}
    os.environ.update(_SWITCHES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's global random numbers begin at a seed, and then go on as if nothing had been drawn."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
