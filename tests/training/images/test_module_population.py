import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rlflood.data import image_sets
from rlflood.errors import InputError
from rlflood.flooding import flood
from rlflood.training import (
    IndividualFlooding,
    Machine,
    ModulePopulation,
    PopulationTrainer,
    Task,
    make_population,
)
from rlflood.training.images.convolutional import image_network
from rlflood.training.order import batch_order
from rlflood.training.trainer import MOMENTS
from tests.image_archives import write_cifar, write_mnist, write_svhn

SMALL = {"train_size": 60, "val_size": 30, "test_size": 40, "batch_size": 20, "epochs": 4}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RLFLOOD_DATA", str(tmp_path))
    monkeypatch.setattr(image_sets, "CACHE_ROOT", tmp_path / "cache")
    image_sets._read.cache_clear()
    write_mnist(tmp_path, "mnist")
    return tmp_path


def task(**changes):
    return Task(**{"data": "mnist", "network": "cnn", **SMALL, **changes})


def weights(population, replica=0):
    return torch.cat([value.flatten().float() for value in population.module(replica).state_dict().values()])


def test_a_replica_is_a_plain_loop():
    own = task(label_noise=0.2, lr_milestones=(0.5,), weight_decay=0.01, optimizer="sgd", learning_rate=0.05)
    population = make_population([own], [3], [4])
    assert isinstance(population, ModulePopulation)
    splits = own.split(3)
    network = image_network("cnn", (1, 28, 28), 10, 4)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    x = torch.from_numpy(splits.train.x).view(-1, 1, 28, 28)
    y = torch.from_numpy(splits.train.y)
    for epoch in range(4):
        population.run_epoch(1.5)
        optimizer.param_groups[0]["lr"] = 0.05 if epoch < 2 else 0.005
        for numbers in batch_order(torch.tensor([4]), epoch, 60)[0].split(20):
            optimizer.zero_grad()
            flood(F.cross_entropy(network(x[numbers]), y[numbers]), 1.5).backward()
            optimizer.step()
    plain = torch.cat([value.flatten() for value in network.state_dict().values()])
    torch.testing.assert_close(weights(population), plain, rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        test = network(torch.from_numpy(splits.test.x).view(-1, 1, 28, 28)).argmax(1).numpy()
    found = population.evaluate("test")
    assert found.accuracy == pytest.approx([(test == splits.test.y).mean()])
    assert found.clean_accuracy == pytest.approx([(test == splits.test.y_clean).mean()])


def test_the_learning_rate_of_a_stack_falls_at_the_same_epochs():
    stacked = Task(lr_milestones=(0.25, 0.5), learning_rate=0.1, epochs=8, train_size=20, val_size=10)
    assert [stacked.learning_rate_in(epoch) for epoch in range(8)] == pytest.approx(
        [0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001]
    )
    trainer = PopulationTrainer([stacked], [0], [0])
    for epoch in range(6):
        trainer.run_epoch(0.0)
        assert trainer._optimizer.param_groups[0]["lr"] == stacked.learning_rate_in(epoch)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_replicas_are_what_each_would_be_alone(threads):
    seeds = [(0, 1), (0, 2), (5, 1)]
    levels = np.array([0.0, 1.0, 2.5])
    together = make_population(
        [task()] * 3, *zip(*seeds, strict=True), machine=Machine(threads=threads), keep_best=True, average=3
    )
    assert together.replicas == 3
    assert together.classes.tolist() == [10] * 3
    metrics = [together.run_epoch(levels) for _ in range(2)]
    assert together.levels.tolist() == levels.tolist()
    for i, (data_seed, seed) in enumerate(seeds):
        alone = make_population([task()], [data_seed], [seed], keep_best=True, average=3)
        for own in metrics:
            assert alone.run_epoch(levels[i]).val_loss[0] == pytest.approx(own.val_loss[i], rel=1e-4)
        own_average, average = together.average_validation.loss[i], alone.average_validation.loss[0]
        assert average == pytest.approx(own_average, rel=1e-4)
        for moment in MOMENTS:
            a, b = together.evaluate("test", moment), alone.evaluate("test", moment)
            assert a.accuracy[i] == pytest.approx(b.accuracy[0])
        np.testing.assert_allclose(
            together.sample_losses("train")[i], alone.sample_losses("train")[0], rtol=1e-3
        )


def test_parts_of_a_mini_batch_change_nothing():
    """There is no batch normalisation in it."""
    whole = make_population([task()], [0], [0])
    parts = ModulePopulation([task()], [0], [0], micro_batch=7)
    for level in (0.0, 2.2):
        whole.run_epoch(level)
        parts.run_epoch(level)
    torch.testing.assert_close(weights(whole), weights(parts), rtol=1e-3, atol=1e-5)


def test_a_resumed_run_is_the_run(tmp_path):
    own = task(network="resnet20", augmentation="crop-flip", lr_milestones=(0.5,), optimizer="sgd",
               learning_rate=0.05, train_size=40)  # fmt: skip
    whole, first, second = (make_population([own], [0], [0], keep_best=True) for _ in range(3))
    for epoch in range(4):
        expected = whole.run_epoch(0.5)
        if epoch < 2:
            first.run_epoch(0.5)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert second.epoch == 2
    for _ in range(2):
        metrics = second.run_epoch(0.5)
    assert metrics.val_loss == expected.val_loss
    assert torch.equal(weights(second), weights(whole))


def test_replicas_become_copies_of_others():
    population = make_population([task()] * 3, [0, 0, 0], [0, 1, 2])
    population.run_epoch(0.0)
    population.copy_replicas(np.array([2, 1, 1]))
    assert torch.equal(weights(population, 2), weights(population, 1))
    assert not torch.equal(weights(population, 0), weights(population, 1))
    population.run_epoch(0.0)  # with a batch order of their own
    assert not torch.equal(weights(population, 2), weights(population, 1))


def test_objectives_are_made_for_each_replica():
    made = []

    def make(numbers):
        made.append(numbers.tolist())
        return IndividualFlooding()

    make_population([task()] * 2, [0, 1], [0, 1], objective=make).run_epoch(1.0)
    assert made == [[0], [1]]


@pytest.mark.parametrize(
    ("data", "network"),
    [
        # each network and each kind once, and a residual network on images of one channel
        ("mnist", "cnn"), ("mnist", "resnet20"), ("svhn", "resnet18"), ("cifar10", "resnet44"),
        ("cifar100", "resnet20"),
    ],
)  # fmt: skip
def test_each_network_learns_each_kind_of_image(data, network, root, monkeypatch):
    sizes = {"train_size": 40, "val_size": 20, "test_size": 20, "batch_size": 20, "epochs": 3}
    if data == "svhn":
        write_svhn(root, monkeypatch)
    elif data.startswith("cifar"):
        write_cifar(root, monkeypatch, classes=int(data.removeprefix("cifar")))
        if data == "cifar100":
            sizes |= {"train_size": 100, "val_size": 100, "batch_size": 100}
    own = Task(data=data, network=network, learning_rate=1e-3, augmentation="crop-flip", **sizes)
    population = make_population([own], [0], [0])
    losses = [population.run_epoch(0.0).train_loss[0] for _ in range(own.epochs)]
    assert losses[-1] < losses[0]
    assert np.isfinite(population.evaluate("test").loss).all()


def test_a_table_has_no_images():
    with pytest.raises(InputError, match="digits has no images: cnn needs some"):
        make_population([task(data="digits", train_size=100, val_size=100)], [0], [0])


def test_tasks_that_differ_are_trained_apart():
    with pytest.raises(ValueError, match="differ in their data and strength only"):
        make_population([task(), task(learning_rate=0.1)], [0, 0], [0, 0])


def test_a_stack_is_of_perceptrons():
    with pytest.raises(ValueError, match="cnn needs a ModuleTrainer"):
        PopulationTrainer([task()], [0], [0])
    with pytest.raises(InputError, match="float16 is for networks of images"):
        PopulationTrainer([Task(train_size=20, val_size=10)], [0], [0], machine=Machine(precision="float16"))


def test_a_joined_task_trains_on_all_of_its_labels(monkeypatch):
    """As one whose training split happens to be these images, standardised by all of them."""
    own = task(joined=True, epochs=2)
    splits = own.split(3)
    assert len(splits.train) == 90 and abs(splits.train.x.mean()) < 1e-4
    np.testing.assert_array_equal(splits.val.x, splits.train.x[60:])
    population = make_population([own], [3], [4])
    monkeypatch.setattr(Task, "split", lambda task, seed: splits)
    by_hand = make_population([task(train_size=90, epochs=2)], [3], [4])
    for _ in range(2):
        np.testing.assert_array_equal(population.run_epoch(0.5).train_loss, by_hand.run_epoch(0.5).train_loss)
    assert population.sample_losses("train").shape == (1, 90)
