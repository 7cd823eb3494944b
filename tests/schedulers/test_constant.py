"""One level for the whole run."""

import numpy as np
import pytest

from rlflood.metrics import Metrics
from rlflood.schedulers import ConstantFlood


def test_the_level_never_changes() -> None:
    scheduler = ConstantFlood(0.3)
    levels = [
        scheduler.step(Metrics(loss, acc, loss, acc)) for loss, acc in [(1.0, 0.1), (0.0, 1.0), (9.0, 0.5)]
    ]
    assert [scheduler.level, *levels] == [0.3] * 4


def test_each_replica_may_have_its_own() -> None:
    scheduler = ConstantFlood(np.array([0.1, 0.2]))
    np.testing.assert_array_equal(scheduler.level, [0.1, 0.2])
    m = np.ones(2)
    np.testing.assert_array_equal(scheduler.step(Metrics(m, m, m, m)), [0.1, 0.2])


def test_one_level_serves_many_replicas() -> None:
    m = np.ones(3)
    np.testing.assert_array_equal(ConstantFlood(0.1).step(Metrics(m, m, m, m)), [0.1, 0.1, 0.1])


@pytest.mark.parametrize("level", [-0.1, float("nan"), float("inf"), [0.1, -0.1], [[0.1]]])
def test_it_refuses_what_is_no_level(level: float) -> None:
    with pytest.raises(ValueError, match="level must"):
        ConstantFlood(level)
