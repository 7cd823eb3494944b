"""Ray's population based training, on a tiny task.

Slow, over a minute on a busy machine: Ray starts half a dozen processes, and one of them imports PyTorch.
"""

import numpy as np
import pytest

from rlflood.experiments import Setting, get_method
from rlflood.experiments.methods.random_search import search_seeds
from rlflood.experiments.runs.stacks import run_schedule
from rlflood.schedulers import ReplayFlood


def test_its_picked_lineage_trained_alone_gives_the_same_run(setting):
    pytest.importorskip("ray.tune")
    # three turns; a resampled, a perturbed or a kept level each time
    task = setting.task.model_copy(update={"epochs": 3})
    short = Setting(task, setting.data_seeds[:1], setting.network_seeds[:1])
    record = get_method("ray-pbt:4").run(short)
    assert record.search.values.shape == (1, 4) and record.epochs_spent.tolist() == [12.0]
    rng = np.random.default_rng(search_seeds(short)[0])
    assert record.levels[0, 0] in rng.uniform(0.0, 0.5, 4)
    assert len(np.unique(record.search.values)) == 4
    alone = run_schedule(short, lambda numbers: ReplayFlood(record.levels.T))
    np.testing.assert_allclose(alone.val_loss, record.val_loss, rtol=1e-4)
    np.testing.assert_allclose(alone.test_acc_final, record.test_acc_final, atol=0.02)
