"""Controllers whose behaviour is known, and runs of them that nobody trained."""

import numpy as np
import pytest

from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.control.features import FEATURES
from rlflood.control.lstm import LSTM
from rlflood.experiments.explain import Decisions, Rollouts, fresh_tasks, roll_out
from rlflood.training import Task
from rlflood.training.distribution import Mixture

RELATIVE = LevelSet((0.0, 0.5, 0.9), "relative")
MIXTURE = Mixture(
    base=Task(hidden=(8,), epochs=12, train_size=20, val_size=20, test_size=5, learning_rate=0.03)
)


@pytest.fixture(scope="session")
def linear():
    """Makes a controller of one layer: ``weights`` by action and feature, all others 0."""

    def make(weights=None, bias=None, *, levels=RELATIVE, observation="extended", decisions=4):
        names = FEATURES[observation]
        matrix = np.zeros((len(levels), len(names)), np.float32)
        for (action, feature), weight in (weights or {}).items():
            matrix[action, names.index(feature)] = weight
        offset = np.zeros(len(levels), np.float32) if bias is None else np.array(bias, np.float32)
        return Controller(ControlSpec(observation, levels, decisions), [(matrix, offset)])

    return make


@pytest.fixture(scope="session")
def random_controller():
    """Makes a controller of random weights, with an LSTM of so many units if ``memory`` is not 0."""

    def make(seed=0, *, memory=0, levels=RELATIVE, observation="extended", decisions=4):
        rng = np.random.default_rng(seed)
        features = len(FEATURES[observation])

        def weights(*shape):
            return rng.normal(size=shape).astype(np.float32)

        lstm = None
        if memory:
            lstm = LSTM(weights(4 * memory, features), weights(4 * memory, memory), weights(4 * memory))
        layers = [
            (2 * weights(8, memory or features), weights(8)),
            (2 * weights(len(levels), 8), weights(len(levels))),
        ]
        return Controller(ControlSpec(observation, levels, decisions), layers, lstm=lstm)

    return make


@pytest.fixture(scope="session")
def rolled_out():
    """Really trains: ``rolled_out(controller, count, label_noise)``, on small tasks."""

    def run(controller, count=4, label_noise=(0.0, 0.4), *, source=MIXTURE, changes=None, **options):
        return roll_out(
            controller, fresh_tasks(source, count, 3, label_noise, changes), "some tasks", **options
        )

    return run


@pytest.fixture(scope="session")
def invented():
    """Makes runs, a draw each, out of what their controller saw: ``(runs, decisions, features)``."""

    def make(controller, observations, *, epochs=6, memory=None):
        observations = np.asarray(observations, np.float32)
        runs, decisions, features = observations.shape
        number = np.tile(np.arange(decisions), runs)
        return Rollouts(
            controller=controller,
            draw=np.arange(runs),
            label_noise=np.zeros(runs),
            levels=np.full((runs, epochs), 0.25),
            fractions=np.full((runs, epochs), 0.5),
            train_loss=np.full((runs, epochs), 0.25),
            val_loss=np.full((runs, epochs), 0.5),
            strengths=None,
            returns=np.zeros(runs, np.int64),
            left_to_rule=np.zeros(runs, bool),
            decisions=Decisions(
                observations=observations.reshape(-1, features),
                run=np.repeat(np.arange(runs), decisions),
                number=number,
                third=3 * number // decisions,
                present=np.zeros(len(number), np.int64),
                memory=memory,
            ),
            described=f"{runs} tasks",
        )

    return make
