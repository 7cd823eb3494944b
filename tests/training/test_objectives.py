"""Every objective against a loop over one network that is written out by hand."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from rlflood.formulas import cross_entropies
from rlflood.training import (
    AdaptiveFlooding,
    Batch,
    Flooding,
    HeldOut,
    IndividualFlooding,
    Machine,
    MakeObjective,
    Objective,
    RelaxLoss,
    SoftAscentDescent,
    StackedMLP,
    Task,
    WaveBound,
    make_population,
)
from rlflood.training.order import batch_order

SMALL = Task(
    hidden=(16, 12), train_size=50, val_size=20, test_size=20, batch_size=20, label_noise=0.2,
    optimizer="sgd", learning_rate=0.05,
)  # fmt: skip
PROBLEMS = (
    {"data": "two-gaussians"},
    {"data": "sinusoid"},
    {"data": "blobs", "data_options": {"classes": 5, "dimensions": 4}},
)
DATA_SEEDS, NETWORK_SEEDS = [3, 1, 2], [7, 8, 9]
EPOCHS = 16
RANDOM = torch.Generator().manual_seed(0)
PROBABILITIES = torch.rand(3, 50, generator=RANDOM)
FOLDS = torch.rand(3, 50, generator=RANDOM) < 0.4


def tasks(**changes: object) -> list[Task]:
    return [SMALL.model_copy(update={**problem, **changes}) for problem in PROBLEMS]


# the objectives once more, for one network and as their papers write them


class Reference:
    """Returns what to differentiate, and may set levels and follow the network."""

    def __init__(self, replica: int, module: nn.Module) -> None:
        self.replica, self.levels = replica, []
        self.average = copy.deepcopy(module).eval()
        self.branches: set[str] = set()

    def __call__(self, x: Tensor, logits: Tensor, y: Tensor, rows: Tensor, epoch: int, b: float) -> Tensor:
        raise NotImplementedError

    def after_step(self, module: nn.Module) -> None:
        pass


class PlainFlooding(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        loss = F.cross_entropy(logits, y)
        return abs(loss - b) + b


class PlainIndividual(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        losses = [F.cross_entropy(logit, label) for logit, label in zip(logits, y, strict=True)]
        return sum(abs(loss - b) + b for loss in losses) / len(losses)


class PlainSoftAscentDescent(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        z = (F.cross_entropy(logits, y, reduction="none") - b) / 0.5
        return b + 0.5**2 * ((1 + z**2).sqrt() - 1).mean()


class PlainRelaxLoss(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        loss = F.cross_entropy(logits, y)
        if epoch % 2 == 0:
            self.branches.add("ascent" if loss < b else "descent")
            return abs(loss - b)
        if loss > b:
            self.branches.add("plain")
            return loss
        self.branches.add("flattened")
        classes = logits.shape[1]
        p = logits.detach().softmax(1)
        target = torch.zeros_like(p)
        for i, label in enumerate(y.tolist()):
            target[i] = (1 - p[i, label]) / (classes - 1)
            target[i, label] = p[i, label]
        return F.cross_entropy(logits, target)


class PlainWaveBound(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        with torch.no_grad():
            bound = F.cross_entropy(self.average(x), y).item() - b
        self.levels.append((max(bound, 0.0), len(y)))
        loss = F.cross_entropy(logits, y)
        self.branches.add("ascent" if loss < bound else "descent")
        return abs(loss - bound) + bound

    def after_step(self, module):
        new = module.state_dict()
        trained = {name for name, _ in module.named_parameters()}
        for name, value in self.average.state_dict().items():
            value.copy_(0.8 * value + 0.2 * new[name] if name in trained else new[name])


class PlainAdaptive(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        total = 0.0
        for logit, label, row in zip(logits, y, rows.tolist(), strict=True):
            level = -math.log((1 - b) * PROBABILITIES[self.replica, row].item() + b)
            total = total + abs(F.cross_entropy(logit, label) - level) + level
            self.levels.append((level, 1))
        return total / len(y)


class PlainHeldOut(Reference):
    def __call__(self, x, logits, y, rows, epoch, b):
        kept = ~FOLDS[self.replica][rows]
        return F.cross_entropy(logits[kept], y[kept])


CASES: dict[str, tuple[MakeObjective | None, type[Reference], list[float]]] = {
    "default": (None, PlainFlooding, [0.0, 0.35, 0.8]),
    "flooding": (lambda numbers: Flooding(), PlainFlooding, [0.0, 0.35, 0.8]),
    "individual": (lambda numbers: IndividualFlooding(), PlainIndividual, [0.0, 0.35, 0.8]),
    "soft": (lambda numbers: SoftAscentDescent(0.5), PlainSoftAscentDescent, [0.0, 0.35, 0.8]),
    "relax": (lambda numbers: RelaxLoss(), PlainRelaxLoss, [0.6, 0.68, 1.5]),
    "wave": (lambda numbers: WaveBound(0.8), PlainWaveBound, [0.002, 0.01, 0.05]),
    "adaptive": (lambda numbers: AdaptiveFlooding(PROBABILITIES[numbers]), PlainAdaptive, [0.05, 0.3, 0.9]),
    "held out": (lambda numbers: HeldOut(FOLDS[numbers]), PlainHeldOut, [0.0, 0.3, 0.9]),
}
OBJECTIVES = [name for name in CASES if name != "default"]


def population(name: str, chosen: list[Task], threads: int = 1, **options: object):
    make = CASES[name][0]
    return make_population(
        chosen, DATA_SEEDS, NETWORK_SEEDS, objective=make, machine=Machine(threads=threads), **options
    )


def plain_loop(task: Task, module: nn.Module, reference: Reference, i: int, level: float):
    """Train losses, validation losses and levels of one network, epoch by epoch."""
    splits = task.split(DATA_SEEDS[i])
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    x, y = torch.from_numpy(splits.train.x), torch.from_numpy(splits.train.y)
    history = []
    for epoch in range(EPOCHS):
        module.train()
        total, reference.levels = 0.0, []
        for rows in batch_order(torch.tensor([NETWORK_SEEDS[i]]), epoch, len(y))[0].split(20):
            logits = module(x[rows])
            optimizer.zero_grad()
            reference(x[rows], logits, y[rows], rows, epoch, level).backward()
            optimizer.step()
            reference.after_step(module)
            total += F.cross_entropy(logits, y[rows], reduction="sum").item()
        module.eval()
        val = F.cross_entropy(module(torch.from_numpy(splits.val.x)), torch.from_numpy(splits.val.y))
        weights = [weight for _, weight in reference.levels]
        mean = np.average([b for b, _ in reference.levels], weights=weights) if weights else level
        history.append([total / len(y), val.item(), mean])
    return np.array(history)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("name", CASES)
def test_a_stack_does_what_loops_over_its_networks_do(name, batch_norm):
    chosen, (_, kind, levels) = tasks(batch_norm=batch_norm), CASES[name]
    stack = population(name, chosen)
    modules = [stack.module(i) for i in range(3)]
    found = []
    for _ in range(EPOCHS):
        metrics = stack.run_epoch(np.array(levels))
        found.append([metrics.train_loss, metrics.val_loss, stack.levels])
    branches = set()
    for i, (task, module) in enumerate(zip(chosen, modules, strict=True)):
        reference = kind(i, module)
        expected = plain_loop(task, module, reference, i, levels[i])
        np.testing.assert_allclose(np.array(found)[:, :, i], expected, rtol=1e-3, atol=1e-4)
        branches |= reference.branches
    if name == "relax" and not batch_norm:
        assert branches == {"ascent", "descent", "plain", "flattened"}
    if name == "wave":
        assert branches == {"ascent", "descent"}


def batch(logits: Tensor, labels: list[list[int]], epoch: int = 0) -> Batch:
    y = torch.tensor(labels)
    samples = torch.arange(y.shape[1]).expand(len(y), -1)
    return Batch(torch.zeros(*y.shape, 1), logits, y, cross_entropies(logits, y), samples, epoch)


def network(classes: tuple[int, ...]) -> StackedMLP:
    return StackedMLP([1] * len(classes), classes, (3,), range(len(classes)))


def attached(objective: Objective, own: StackedMLP) -> Objective:
    objective.attach(own, lambda network, x, y: cross_entropies(network(x), y))
    return objective


def gradient(objective: Objective, logits: Tensor, labels: list[list[int]], level: list[float], epoch: int):
    logits = logits.clone().requires_grad_()
    value = objective(batch(logits, labels, epoch), torch.tensor(level))
    assert value.shape == (len(labels),)
    value.sum().backward()
    return logits.grad


def test_flattening_leaves_the_true_class_and_evens_out_the_others():
    """By hand: p = (.7, .2, .1), target (.7, .15, .15), gradient p - target; and of two classes 0."""
    logits = torch.tensor([[[0.7, 0.2, 0.1]], [[0.6, 0.4, 0.0]]]).log()
    logits[1, :, 2] = torch.finfo(torch.float32).min
    objective = attached(RelaxLoss(), network((3, 2)))
    found = gradient(objective, logits, [[0], [0]], [9.0, 9.0], epoch=1)
    torch.testing.assert_close(found, torch.tensor([[[0.0, 0.05, -0.05]], [[0.0, 0.0, 0.0]]]))
    above = gradient(objective, logits, [[0], [0]], [0.1, 9.0], epoch=1)
    torch.testing.assert_close(above, torch.tensor([[[-0.3, 0.2, 0.1]], [[0.0, 0.0, 0.0]]]))
    even = gradient(objective, logits, [[0], [0]], [9.0, 9.0], epoch=2)
    torch.testing.assert_close(even, torch.tensor([[[0.3, -0.2, -0.1]], [[0.4, -0.4, 0.0]]]))


def test_adaflood_by_hand():
    """Losses log 2 and log 4; levels -log(.5 * .2 + .5) = log(1 / .6) and log(1 / .55)."""
    logits = torch.tensor([[[0.5, 0.5], [0.25, 0.75]]]).log()
    objective = attached(AdaptiveFlooding(torch.tensor([[0.2, 0.1]])), network((2,)))
    value = objective(batch(logits, [[0, 0]]), torch.tensor([0.5]))
    assert value.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert objective.levels().item() == pytest.approx((math.log(1 / 0.6) + math.log(1 / 0.55)) / 2)
    sure = torch.tensor([[[0.9, 0.1], [0.25, 0.75]]]).log()
    value = objective(batch(sure, [[0, 0]]), torch.tensor([0.5]))
    turned = 2 * math.log(1 / 0.6) - math.log(1 / 0.9)
    assert value.item() == pytest.approx((turned + math.log(4)) / 2)


def test_what_is_held_out_is_not_seen_whatever_its_loss():
    logits = torch.tensor([[[0.5, 0.5], [math.inf, 0.0]], [[0.25, 0.75], [0.5, 0.5]]]).log()
    objective = attached(HeldOut(torch.tensor([[False, True], [True, True]])), network((2, 2)))
    value = objective(batch(logits, [[0, 1], [0, 0]]), torch.tensor([5.0, 5.0]))
    torch.testing.assert_close(value, torch.tensor([math.log(2), 0.0]))
    found = gradient(objective, logits[1:].expand(2, 2, 2), [[0, 1], [0, 0]], [5.0, 5.0], 0)
    assert not found[1].any()
    assert not found[0, 1].any()
    assert found[0, 0].any()


def test_the_average_begins_as_the_network_and_reports_no_level_below_0():
    own = network((2,))
    objective = attached(WaveBound(0.75), own)
    assert objective.levels() is None
    example = Batch(
        x := torch.ones(1, 4, 1), own(x), y := torch.tensor([[0, 1, 0, 1]]), cross_entropies(own(x), y),
        torch.arange(4)[None], 0,
    )  # fmt: skip
    loss = example.losses.mean(1)
    torch.testing.assert_close(objective(example, torch.tensor([0.1])), loss)
    torch.testing.assert_close(objective.levels(), loss - 0.1)
    objective.load_state_dict(objective.state_dict())
    assert objective.levels() is None  # the epoch may be trained again
    objective(example, torch.tensor([9.0]))
    assert objective.levels().item() == 0
    before = own.biases[0].detach().clone()
    with torch.no_grad():
        own.biases[0].add_(1.0)
    objective.after_step()
    torch.testing.assert_close(objective.state_dict()["biases.0"], before + 0.25)


@pytest.mark.parametrize("bad", [-0.1, 1.1])
def test_a_decay_is_a_share(bad):
    with pytest.raises(ValueError, match="decay must lie between 0 and 1"):
        WaveBound(bad)


@pytest.mark.parametrize("objective", [AdaptiveFlooding(PROBABILITIES), HeldOut(FOLDS)])
def test_values_of_other_replicas_are_refused(objective):
    with pytest.raises(ValueError, match=r"one row of samples a replica: got shape \(3, 50\) for 2"):
        attached(objective, network((2, 2)))


@given(st.sampled_from(OBJECTIVES), st.integers(0, 10**6), st.integers(0, 1))
def test_a_replica_minds_its_own_row_alone(name, seed, epoch):
    """Also beside one that has diverged, and one of fewer classes."""
    objective = attached(CASES[name][0](np.arange(3)), network((4, 4, 3)))
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(3, 5, 4, generator=generator)
    logits[2, :, 3] += torch.finfo(torch.float32).min
    labels = torch.randint(0, 3, (3, 5), generator=generator).tolist()
    levels = [0.4, 0.9, 2.0]
    expected = gradient(objective, logits, labels, levels, epoch)
    assert expected.isfinite().all()
    assert not expected[2, :, 3].any()
    logits[1] = math.nan if seed % 2 else math.inf
    found = gradient(objective, logits, labels, [levels[0], math.nan, levels[2]], epoch)
    assert torch.equal(found[[0, 2]], expected[[0, 2]])


REGULARISED = {"dropout": 0.3, "criterion": "label-smoothing", "strength": 0.2, "batch_norm": True}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_threads_change_nothing_but_rounding(name):
    chosen, levels = tasks(dropout=0.3, criterion="label-smoothing", strength=0.2), np.array(CASES[name][2])
    one, two = (population(name, chosen, threads) for threads in (1, 2))
    for _ in range(6):
        np.testing.assert_allclose(
            two.run_epoch(levels).train_loss, one.run_epoch(levels).train_loss, rtol=1e-4
        )
        np.testing.assert_allclose(two.levels, one.levels, rtol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_run_resumes_bit_for_bit(name, threads):
    levels = np.array(CASES[name][2])
    straight, resumed = (population(name, tasks(**REGULARISED), threads) for _ in range(2))
    for _ in range(3):
        straight.run_epoch(levels)
    file = io.BytesIO()
    torch.save(straight.state_dict(), file)
    file.seek(0)
    for _ in range(4):  # the fourth epoch will be trained twice
        resumed.run_epoch(levels)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(4):
        expected, found = straight.run_epoch(levels), resumed.run_epoch(levels)
        np.testing.assert_array_equal(found.train_loss, expected.train_loss)
        np.testing.assert_array_equal(found.val_loss, expected.val_loss)
        np.testing.assert_array_equal(resumed.levels, straight.levels)


def test_levels_are_the_given_ones_and_none_before_the_first_epoch():
    for threads in (1, 2):
        stack = population("flooding", tasks(), threads)
        assert np.isnan(stack.levels).all()
        stack.run_epoch(0.3)
        np.testing.assert_array_equal(stack.levels, [0.3] * 3)


def test_the_default_is_flooding_bit_for_bit():
    default, named = (population(name, tasks()) for name in ("default", "flooding"))
    for _ in range(5):
        expected, found = default.run_epoch(0.5), named.run_epoch(0.5)
        np.testing.assert_array_equal(found.train_loss, expected.train_loss)
        np.testing.assert_array_equal(found.val_loss, expected.val_loss)


def test_each_part_of_a_population_is_told_its_own_numbers():
    told: list[list[int]] = []

    def make(numbers: np.ndarray) -> Objective:
        told.append(numbers.tolist())
        return Flooding()

    make_population(tasks(), DATA_SEEDS, NETWORK_SEEDS, objective=make, machine=Machine(threads=2))
    make_population(tasks(), DATA_SEEDS, NETWORK_SEEDS, objective=make)
    assert told == [[0, 1], [2], [0, 1, 2]]


def test_metrics_are_the_plain_cross_entropy_under_any_criterion():
    """The first batch is taken before any step: its loss does not depend on what is differentiated."""
    losses = [
        population(name, tasks(batch_size=None, criterion=criterion)).run_epoch(0.3).train_loss
        for name in OBJECTIVES
        for criterion in ("cross-entropy", "label-smoothing", "gce", "sce")
    ]
    for other in losses[1:]:
        np.testing.assert_array_equal(other, losses[0])
