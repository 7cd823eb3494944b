"""Ray's population based training, on a tiny task: by another scheduler than ours, records of the same kind.

Skipped without Ray: `pip install "ray[tune]"` brings it. Slow, over a minute on a busy machine: Ray starts
half a dozen processes, and one of them imports PyTorch.
"""

import numpy as np
import pytest

from rlflood.experiments import Setting
from rlflood.experiments.methods.random_search import search_seeds
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ReplayFlood
from rlflood.training import Task


def test_its_picked_lineage_trained_alone_gives_the_same_run():
    pytest.importorskip("ray.tune")
    from tests.oracles.ray_pbt import RayPopulationBasedTraining

    # three turns; a resampled, a perturbed or a kept level each time
    task = Task(
        data="wine", train_size=40, val_size=40, label_noise=0.2, hidden=(16,), epochs=3, learning_rate=0.02
    )
    setting = Setting.from_seed(task, seed=3, repeats=1)
    record = RayPopulationBasedTraining(4, 0.5).run(setting)
    assert record.search.values.shape == (1, 4) and record.epochs_spent.tolist() == [12.0]
    rng = np.random.default_rng(search_seeds(setting)[0])
    assert record.levels[0, 0] in rng.uniform(0.0, 0.5, 4)
    assert len(np.unique(record.search.values)) == 4
    alone = run_schedule(setting, lambda numbers: ReplayFlood(record.levels.T))
    np.testing.assert_allclose(alone.val_loss, record.val_loss, rtol=1e-4)
    np.testing.assert_allclose(alone.test_acc_last, record.test_acc_last, atol=0.02)
