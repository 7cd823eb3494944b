import pytest

from rlflood.training import Task
from rlflood.training.memory import replicas_that_fit
from rlflood.training.size import network_size

PAPER = Task(hidden=(500,) * 5, label_noise=0.1)
GIGABYTE = 2**30


def test_a_network_of_the_paper_takes_some_forty_megabytes():
    """A million weights eight times, 100 samples of 2,512 units four times, 20,200 samples of 10 features."""
    assert network_size(PAPER).parameters == 11 * 500 + 4 * 501 * 500 + 501 * 2
    one = (8 * 1_008_502 + 4 * 100 * 2_512 + 20_200 * 14) * 4
    assert replicas_that_fit(PAPER, 10 * one) == 8
    assert 256 < replicas_that_fit(PAPER, 80 * GIGABYTE) < 10_000


def test_there_is_always_one():
    assert replicas_that_fit(PAPER, 0) == 1


@pytest.mark.parametrize("change", [{"train_size": 5000}, {"hidden": (2000,) * 5}, {"test_size": 200_000}])
def test_larger_tasks_leave_room_for_fewer(change):
    assert replicas_that_fit(Task(**{**dict(PAPER), **change}), GIGABYTE) < replicas_that_fit(PAPER, GIGABYTE)


def test_mini_batches_leave_room_for_more():
    large, parts = (Task(train_size=5000, batch_size=size, test_size=100) for size in (None, 100))
    assert replicas_that_fit(parts, GIGABYTE) > replicas_that_fit(large, GIGABYTE)


def test_the_size_of_convolutional_networks(monkeypatch):
    """Multiplications of ResNet-20 for CIFAR: 41 million, He et al. 2016 and its many replications."""
    from rlflood.data import Source

    class Images(Source):
        name, classes, features, size, image_shape = "images", 10, 3072, 100, (3, 32, 32)

        def _draw(self, *sizes):
            raise NotImplementedError

    monkeypatch.setattr(Task, "source", lambda self: Images())
    size = network_size(Task(data="cifar10", network="resnet20"))
    assert size.parameters == 269_722
    assert size.multiplications == pytest.approx(41e6, rel=0.02)
