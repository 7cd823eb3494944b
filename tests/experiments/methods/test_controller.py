"""A controller in a benchmark sets the levels that it set in an environment, interrupted or not."""

import numpy as np
import pytest
from gymnasium.utils import seeding

from rlflood.control import Controller
from rlflood.control.shipped import shipped_controllers
from rlflood.envs import FloodVectorEnv
from rlflood.envs.episode import Draw
from rlflood.experiments import Setting, get_method
from rlflood.experiments.runs import checkpoints
from rlflood.training import Machine, Task
from rlflood.training.distribution import FixedTask

REPEATS, SEED = 3, 5
TASK = Task(
    data="wine", label_noise=0.3, train_size=30, val_size=30, test_size=30, hidden=(64, 64, 64),
    learning_rate=0.02, epochs=60,
)  # fmt: skip
"""Long and noisy enough to turn and to be held; its steps are large enough to be thrown beyond a level."""


def levels_in_an_environment(chosen, tasks):
    """The level of the last epoch of each step, shape ``(decisions, replicas)``."""
    spec = chosen.spec
    env = FloodVectorEnv(
        REPEATS, tasks=tasks, levels=spec.levels, observation=spec.observation, decisions=spec.decisions
    )
    seen, _ = env.reset(seed=SEED)
    found = []
    for _ in range(spec.decisions):
        seen, *_, infos = env.step(chosen.act(seen)[0])
        found.append(infos["level"])
    return np.array(found)


def test_its_levels_are_those_of_the_environment_and_an_interrupted_run_goes_on_to_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.0)
    tasks = FixedTask(TASK)
    draws = [Draw.from_rng(tasks, seeding.np_random(SEED + i)[0]) for i in range(REPEATS)]
    seeds = zip(*((draw.data_seed, draw.network_seed) for draw in draws), strict=True)
    setting = Setting(TASK, *seeds)
    method = get_method("default")

    record = method.run(setting)
    chosen = Controller.load(shipped_controllers()["default"])
    in_environment = levels_in_an_environment(chosen, tasks)
    every = TASK.epochs // chosen.spec.decisions
    np.testing.assert_array_equal(record.levels[:, every - 1 :: every].T, in_environment)
    assert (record.levels > 0).any(axis=1).all(), "all have turned and were held"

    machine = Machine(checkpoints=tmp_path)
    for stop in (7, 33, 50):

        def interrupt(done, total, stop=stop):
            if done >= stop * REPEATS:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            get_method("default").run(setting, machine, interrupt)
    resumed = get_method("default").run(setting, machine)
    np.testing.assert_array_equal(resumed.levels, record.levels)
    np.testing.assert_array_equal(resumed.train_loss, record.train_loss)
    np.testing.assert_array_equal(resumed.test_acc_last, record.test_acc_last)
