"""ELR, mixup and SAM as trainers make their steps of them, against plain loops of one network."""

import io

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.training import (
    IndividualFlooding,
    Machine,
    PopulationTrainer,
    Task,
    ThreadedPopulation,
    make_population,
)
from rlflood.training.criteria.mixup import Mixup
from rlflood.training.order import batch_order

NAMES = ("gce", "sce", "elr", "label-smoothing", "mixup", "sam")
TASK = Task(
    hidden=(16, 12), train_size=50, val_size=20, test_size=20, batch_size=20, label_noise=0.2,
    optimizer="sgd", learning_rate=0.05, data="spiral",
)  # fmt: skip
WINE = {"data": "wine"}  # three classes and 13 features beside the spiral's two and two


def tasks(criterion: str, **changes: object) -> list[Task]:
    fields = {"criterion": criterion, **changes}
    return [TASK.model_copy(update={**fields, **own}) for own in ({}, WINE, {})]


def population(criterion: str, threads: int = 1, **changes: object) -> PopulationTrainer | ThreadedPopulation:
    found = make_population(
        tasks(criterion, **changes), [1, 2, 3], [4, 5, 6], machine=Machine(threads=threads)
    )
    assert isinstance(found, PopulationTrainer | ThreadedPopulation)
    return found


def loop(stack, replica: int, task: Task, seeds: tuple[int, int], epochs: int, step) -> list[float]:
    """Train a replica's network alone, with what ``step`` gives for the loss of a batch; the train losses."""
    module = stack.module(replica)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    data = task.split(seeds[0]).train
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    found = []
    for epoch in range(epochs):
        order, total = batch_order(torch.tensor([seeds[1]]), epoch, len(x))[0], 0.0
        for rows in order.split(20):
            optimizer.zero_grad()
            total += step(module, x[rows], y[rows], rows, epoch).item() * len(rows)
            optimizer.step()
        found.append(total / len(x))
    return found


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_elr_is_that_of_a_plain_loop(level):
    stack = population("elr")
    targets = torch.zeros(50, 3)

    def step(module, x, y, rows, epoch):
        logits = module(x)
        p = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
        for i, row in enumerate(rows):
            targets[row] = 0.7 * targets[row] + 0.3 * (p[i] / p[i].sum()).detach()
        plain = F.cross_entropy(logits, y)
        rest = torch.stack([(1 - targets[row] @ p[i]).log() for i, row in enumerate(rows)]).mean()
        ((plain - level).abs() + 3 * rest).backward()  # the level does not turn the regulariser
        return plain.detach()

    expected = loop(stack, 1, tasks("elr")[1], (2, 5), 6, step)
    found = [stack.run_epoch(level).train_loss[1] for _ in range(6)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert min(expected) < 1.0 < max(expected)


@pytest.mark.parametrize("level", [0.0, 1.08])
def test_sam_is_that_of_a_plain_two_step_loop(level):
    stack = population("sam", strength=0.3)

    def step(module, x, y, rows, epoch):
        weights = list(module.parameters())
        before = [weight.detach().clone() for weight in weights]
        plain = F.cross_entropy(module(x), y)
        gradients = torch.autograd.grad(plain, weights)
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight += 0.3 * gradient / norm
        (F.cross_entropy(module(x), y) * (plain.detach() - level).sign()).backward()
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
        return plain.detach()

    expected = loop(stack, 1, tasks("sam")[1], (2, 5), 6, step)
    found = [stack.run_epoch(level).train_loss[1] for _ in range(6)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert min(expected) < 1.08 < max(expected)


def test_mixup_is_that_of_a_plain_loop_with_these_shares_and_partners():
    stack = population("mixup")
    draws, epochs_begun = Mixup([5], torch.device("cpu")), []

    def step(module, x, y, rows, epoch):
        if epoch not in epochs_begun:
            epochs_begun.append(epoch)
            draws.begin_epoch(epoch, np.ones(1))
        numbers = torch.arange(len(x))[None]
        # what the criterion does to the samples' own numbers tells the partners
        mixed = draws.batch(
            lambda given: torch.zeros(1, len(x), 2), numbers.double(), numbers * 0, numbers, 0
        )
        share = float(draws._share)
        partners = ((mixed.x[0] - share * numbers[0]) / (1 - share)).round().long()
        assert sorted(partners.tolist()) == list(range(len(x)))
        logits = module(share * x + (1 - share) * x[partners])
        plain = share * F.cross_entropy(logits, y) + (1 - share) * F.cross_entropy(logits, y[partners])
        (plain - 1.08).abs().backward()
        return plain.detach()

    expected = loop(stack, 1, tasks("mixup")[1], (2, 5), 6, step)
    found = [stack.run_epoch(1.08).train_loss[1] for _ in range(6)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert min(expected) < 1.08 < max(expected)


def test_mixups_shares_are_of_the_beta_distribution_and_its_own_seed_and_epoch():
    one = Mixup([5, 6], torch.device("cpu"))
    one.begin_epoch(3, np.array([1.0, 32.0]))
    shares = torch.stack([one._next_share()[:, 0] for _ in range(500)])
    # of Beta(a, a) the mean is 1/2 and the variance 1 / (4 (2 a + 1))
    np.testing.assert_allclose(shares.mean(0), [0.5, 0.5], atol=0.05)
    np.testing.assert_allclose(shares.var(0), [1 / 12, 1 / 260], rtol=0.2)
    other = Mixup([6], torch.device("cpu"))
    other.begin_epoch(3, np.array([32.0]))
    assert torch.equal(torch.stack([other._next_share()[0] for _ in range(500)])[:, 0], shares[:, 1])
    other.begin_epoch(4, np.array([32.0]))
    assert not torch.equal(other._next_share()[0], shares[:1, 1])


@pytest.mark.parametrize("name", NAMES)
def test_a_replica_is_trained_as_it_would_be_alone(name):
    """Beside others of more features and classes, and on another thread."""
    own = tasks(name)
    alone = PopulationTrainer(own[:1], [1], [4])
    stacks = [population(name), population(name, threads=2)]
    for _ in range(5):
        expected = alone.run_epoch(0.3)
        for stack in stacks:
            found = stack.run_epoch(np.array([0.3, 0.0, 0.9]))
            np.testing.assert_allclose(found.train_loss[0], expected.train_loss[0], rtol=1e-4)
            np.testing.assert_allclose(found.val_loss[0], expected.val_loss[0], rtol=1e-4)
    np.testing.assert_array_equal(stacks[1].changed, stacks[0].changed)


@pytest.mark.parametrize("name", NAMES)
def test_strengths_of_an_epoch_stand_in_for_the_tasks(name):
    strong = {"gce": 0.2, "sce": 3.0, "elr": 9.0, "label-smoothing": -1.0, "mixup": 8.0, "sam": 0.5}[name]
    steered, published, given = population(name), population(name), population(name, strength=strong)
    for _ in range(3):
        found = steered.run_epoch(0.0, np.array([strong, 0.5, strong]))
        expected, other = given.run_epoch(0.0), published.run_epoch(0.0)
        np.testing.assert_array_equal(found.val_loss[[0, 2]], expected.val_loss[[0, 2]])
        assert (found.val_loss[[0, 2]] != other.val_loss[[0, 2]]).all()
    with pytest.raises(InputError, match="must be finite and"):
        steered.run_epoch(0.0, np.nan)


def test_the_strength_of_a_stacks_tasks_may_differ():
    mixed = [
        task.model_copy(update={"strength": strength})
        for task, strength in zip(tasks("gce"), (0.2, 1.0, None), strict=True)
    ]
    stack, steered = PopulationTrainer(mixed, [1, 2, 3], [4, 5, 6]), population("gce")
    for _ in range(2):
        expected = steered.run_epoch(0.1, np.array([0.2, 1.0, 0.7])).val_loss
        np.testing.assert_array_equal(stack.run_epoch(0.1).val_loss, expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_resumes_bit_for_bit(name, threads):
    straight, resumed = (population(name, threads, batch_norm=name == "sam") for _ in range(2))
    for _ in range(3):
        straight.run_epoch(0.3)
    file = io.BytesIO()
    torch.save(straight.state_dict(), file)
    file.seek(0)
    for _ in range(2):
        resumed.run_epoch(0.3)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    np.testing.assert_array_equal(resumed.changed, straight.changed)
    for _ in range(3):
        expected, found = straight.run_epoch(0.3), resumed.run_epoch(0.3)
        np.testing.assert_array_equal(found.train_loss, expected.train_loss)
        np.testing.assert_array_equal(found.val_loss, expected.val_loss)
        np.testing.assert_array_equal(resumed.changed, straight.changed)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_copy_has_its_sources_targets(threads):
    copied, source = population("elr", threads), population("elr", threads)
    for stack in (copied, source):
        for _ in range(3):
            stack.run_epoch(0.3)
    copied.copy_replicas(np.array([2, 1, 2]))
    states = [stack.state_dict().get("parts", [stack.state_dict()]) for stack in (copied, source)]
    targets = [[row for part in own for row in part["criterion"]["targets"]] for own in states]
    assert torch.equal(targets[0][0][:, :2], targets[1][2][:, :2])
    assert torch.equal(targets[0][2], targets[1][2])
    assert targets[1][2].any() and not torch.equal(targets[1][0][:, :2], targets[1][2][:, :2])


def test_sam_averages_and_takes_running_means_once_a_step():
    from rlflood.training.averaging import Average

    calls = []
    stack = PopulationTrainer(
        tasks("sam", batch_norm=True), [1, 2, 3], [4, 5, 6], average=5.0, hold=Hold(batches=4)
    )
    update = Average.update
    try:
        Average.update = lambda self: (calls.append(1), update(self))[1]  # type: ignore[method-assign]
        stack.run_epoch(0.3)
    finally:
        Average.update = update  # type: ignore[method-assign]
    assert len(calls) == 3
    assert stack._objective.held.count.tolist() == [3.0] * 3


def test_sam_leaves_the_running_statistics_of_the_first_pass():
    """A rho of nearly nothing trains as the cross-entropy does, with statistics that move once a step."""
    plain = population("cross-entropy", batch_norm=True)
    sharp = population("sam", strength=1e-9, batch_norm=True)
    for _ in range(3):
        np.testing.assert_allclose(sharp.run_epoch(0.0).val_loss, plain.run_epoch(0.0).val_loss, rtol=1e-5)


@pytest.mark.parametrize("name", ["elr", "mixup", "sam"])
def test_criteria_of_whole_batches_go_with_flooding_alone(name):
    with pytest.raises(InputError, match=f"{name} goes with flooding alone, not with IndividualFlooding"):
        PopulationTrainer(tasks(name), [1, 2, 3], [4, 5, 6], objective=lambda numbers: IndividualFlooding())


@pytest.mark.parametrize("name", ["gce", "sce", "label-smoothing"])
def test_a_level_is_compared_with_the_cross_entropy(name):
    """Far above the train loss every batch is ascended on, far below none, whatever the criterion's value."""
    first = population(name).run_epoch(0.0)
    assert (first.train_loss > 0.4).all()
    descended, ascended = population(name), population(name)
    for _ in range(4):
        down, up = descended.run_epoch(1e-6), ascended.run_epoch(9.0)
    assert (down.train_loss < up.train_loss).all()
