"""A robust criterion in one's own loop: by independent formulas, and beside the trainer."""

import copy
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import rlflood
from rlflood import RobustLoss
from rlflood.control import Controller, ControlSpec, LevelSet
from rlflood.errors import InputError
from rlflood.holding import Hold
from rlflood.schedulers import ConstantFlood, HoldFlood, PolicyScheduler
from rlflood.strengths import CriterionName
from rlflood.training import ModuleTrainer

SAMPLES, FEATURES, CLASSES, EPOCHS = 60, 6, 3, 8
STRENGTHS = {"elr": (0.0, 1.0, 3.0, 7.0), "gce": (0.1, 0.7, 1.0)}
OF_LOOPS = ("gce", "sce", "label-smoothing", "elr")


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES, FEATURES, generator=generator)
    y = (x[:, :CLASSES] + 0.7 * torch.randn(SAMPLES, CLASSES, generator=generator)).argmax(1)
    return x, y, torch.arange(SAMPLES)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Linear(16, CLASSES))


def controller(criterion="elr", hold=Hold(), seed=9, strengths=None):
    """Random weights: which level and strength it takes depends on what it sees, and most on the time."""
    rng = np.random.default_rng(seed)
    strengths = STRENGTHS[criterion] if strengths is None else strengths
    levels = LevelSet((0.0, 0.6, 1.0))
    spec = ControlSpec("extended", levels, EPOCHS, hold=hold, criterion=criterion, strengths=strengths)
    layers = [
        (3 * rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in pairwise((len(spec.features), 16, spec.actions))
    ]
    layers[0][0][:, spec.features.index("share of the budget spent")] *= 4
    return Controller(spec, layers)


def made(criterion, scheduler=None, **options):
    return RobustLoss(criterion, scheduler, samples=SAMPLES, classes=CLASSES, **options)


@pytest.mark.parametrize("hold", [Hold(), Hold(4, 0.25)], ids=["by batch", "running mean"])
@pytest.mark.parametrize("criterion", ["elr", "gce"])
def test_a_plain_loop_does_what_the_trainer_does(criterion, hold):
    """Level and strength change by the epoch; the trainer is told of them by a scheduler of its own."""
    chosen = controller(criterion, hold)
    theirs, ours = (PolicyScheduler(chosen, epochs=EPOCHS, classes=CLASSES) for _ in range(2))
    trained, model = network(), network()
    loader = DataLoader(TensorDataset(*data()), 20)
    trainer = ModuleTrainer(
        trained,
        torch.optim.SGD(trained.parameters(), lr=0.3, momentum=0.9),
        loader,
        DataLoader(TensorDataset(*data()[:2]), 20),
        classes=CLASSES,
        criterion=criterion,
        samples=SAMPLES,
        hold=hold,
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    loss_of = made(criterion, ours)
    used = set()
    for _ in range(EPOCHS):
        np.testing.assert_allclose(ours.level, np.squeeze(theirs.level), rtol=1e-5)
        assert ours.strength == np.squeeze(theirs.strength)
        used.add((ours.level, ours.strength))
        total = hits = 0.0
        for x, y, index in loader:
            logits = model(x)
            optimizer.zero_grad()
            loss_of(logits, y, index).backward()
            optimizer.step()
            total += float(loss_of.cross_entropy) * len(y)
            hits += float((logits.argmax(1) == y).sum())
        metrics = trainer.run_epoch(theirs.level, theirs.strength)
        assert total / SAMPLES == pytest.approx(metrics.train_loss[0], rel=1e-5)
        theirs.step(metrics)
        val = {"val_loss": metrics.val_loss[0], "val_acc": metrics.val_acc[0]}
        ours.step(train_loss=total / SAMPLES, train_acc=hits / SAMPLES, **val)
        for own, other in zip(model.parameters(), trained.parameters(), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    levels, strengths = zip(*used, strict=True)
    assert len(set(levels)) > 1 and len(set(strengths)) > 1, "both change"


def by_hand(criterion, logits, y, strength):
    """What is flooded, and what is not, from probabilities alone."""
    p = logits.double().softmax(1)
    true = p[torch.arange(len(y)), y]
    if criterion == "gce":
        return ((1 - true**strength) / strength).mean(), 0.0
    if criterion == "sce":
        return (-0.1 * true.log() + strength * 4 * (1 - true)).mean(), 0.0
    if criterion == "label-smoothing":
        return (-(1 - strength) * true.log() - strength * p.log().mean(1)).mean(), 0.0
    target = 0.3 * p.detach()
    return -true.log().mean(), strength * (1 - (target * p).sum(1)).log().mean()


@pytest.mark.parametrize("level", [0.0, 0.1, 9.0], ids=["free", "above it", "below it"])
@pytest.mark.parametrize("strength", [None, 0.4])
@pytest.mark.parametrize("criterion", OF_LOOPS)
def test_values_and_gradients_by_hand(criterion, strength, level):
    _, y, index = data()
    logits, double = (
        torch.randn(20, CLASSES, generator=torch.Generator().manual_seed(3)).requires_grad_() for _ in "12"
    )
    value = {"gce": 0.7, "sce": 1.0, "label-smoothing": 0.1, "elr": 3.0}[criterion]
    main, rest = by_hand(criterion, double, y[:20], value if strength is None else strength)
    cross_entropy = F.cross_entropy(double, y[:20])
    expected = (main if cross_entropy > level else 2 * level - main) + rest
    expected.backward()
    loss_of = made(criterion, ConstantFlood(level), strength=strength)
    loss = loss_of(logits, y[:20], index[:20])
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss_of.cross_entropy.item() == pytest.approx(cross_entropy.item(), rel=1e-6)
    assert not loss_of.cross_entropy.requires_grad
    torch.testing.assert_close(logits.grad, double.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("criterion", OF_LOOPS)
def test_without_a_scheduler_it_is_the_criterion_alone(criterion):
    _, y, index = data()
    logits = torch.randn(SAMPLES, CLASSES)
    plain = made(criterion)(logits, y, index)
    assert float(plain) == pytest.approx(float(made(criterion, ConstantFlood(0.0))(logits, y, index)))


def test_targets_are_running_means_of_each_sample():
    loss_of, (_, y, _) = made("elr"), data()
    first, second = torch.randn(2, CLASSES), torch.randn(2, CLASSES)
    loss_of(first, y[:2], torch.tensor([5, 9]))
    loss_of(second, y[:2], torch.tensor([9, 30]))
    p, q = first.softmax(1), second.softmax(1)
    expected = torch.zeros(SAMPLES, CLASSES)
    expected[5], expected[9], expected[30] = 0.3 * p[0], 0.7 * 0.3 * p[1] + 0.3 * q[0], 0.3 * q[1]
    torch.testing.assert_close(loss_of.targets, expected)
    resumed = made("elr")
    resumed.load_state_dict(loss_of.state_dict())
    assert list(loss_of.state_dict()) == ["targets"]
    a, b = (each(second, y[:2], torch.tensor([5, 9])) for each in (loss_of, resumed))
    assert torch.equal(a, b)
    assert not made("gce").state_dict()


def test_in_half_precision_it_computes_in_single_precision():
    loss_of, (x, y, index) = made("elr", ConstantFlood(0.2)), data()
    model = torch.compile(network(), backend="eager")
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
        loss = loss_of(logits, y, index)
    loss.backward()
    assert logits.dtype == torch.bfloat16 and loss.dtype == loss_of.targets.dtype == torch.float32
    again = made("elr", ConstantFlood(0.2))(logits.float(), y, index)
    torch.testing.assert_close(loss, again)


def test_parts_of_a_step_go_the_same_way():
    """On a running mean: by the steps before, however the parts lie themselves."""
    _, y, _ = data()
    far, near = torch.full((4, CLASSES), 0.0), F.one_hot(y[:4], CLASSES) * 9.0
    loss_of = RobustLoss("gce", ConstantFlood(0.4, hold=Hold(4)))
    for logits in (far, near):  # the first step: nothing tells yet, both are descended on
        logits = logits.clone().requires_grad_()
        loss_of(logits, y[:4], parts=2).backward()
        assert (logits.grad.gather(1, y[:4, None]) < 0).all()
    # the mean of the step is above the level
    near = near.clone().requires_grad_()
    loss_of(near, y[:4], parts=2).backward()
    assert (near.grad.gather(1, y[:4, None]) < 0).all()


def test_with_a_rule_and_a_controller_for_plain_losses():
    _, y, index = data()
    plain = rlflood.load_controller("default", epochs=5, classes=CLASSES)
    for scheduler in (HoldFlood(turn="accuracy"), plain):
        loss = made("elr", scheduler)(torch.randn(SAMPLES, CLASSES), y, index)
        torch.testing.assert_close(loss.isfinite(), torch.tensor(True))


def test_a_controller_for_a_criterion_refuses_a_plain_loss():
    scheduler = PolicyScheduler(controller(), epochs=5)
    with pytest.raises(InputError, match=r"for elr, not for a plain loss: train with rlflood\.RobustLoss"):
        scheduler(torch.tensor(0.5))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mixup",), {}, "mixup is no loss .*: it mixes the inputs"),
        (("sam",), {}, "sam is no loss .*: it takes a step of the optimizer with two gradients"),
        (("cross-entropy",), {}, "that needs none"),
        (("erl",), {}, "there is no criterion 'erl': did you mean elr"),
        (("elr",), {"samples": 5}, "give samples=len.* got samples=5 and classes=None"),
        (("elr",), {"classes": 5}, "give samples=len"),
        (("gce",), {"strength": 1.5}, "the strength of gce, its q, must be finite and above 0"),
        (("gce", ConstantFlood([0.1, 0.2])), {}, "the scheduler steers several"),
        (("gce", PolicyScheduler(controller(), epochs=5)), {}, "for elr, not for gce: make RobustLoss"),
        (
            ("elr", PolicyScheduler(controller(), epochs=5)),
            {"samples": 5, "classes": 3, "strength": 3.0},
            "the controller sets the strength: leave strength= out",
        ),
    ],
)
def test_what_cannot_be_made(arguments, options, message):
    with pytest.raises(InputError, match=message):
        RobustLoss(*arguments, **options)


@pytest.mark.parametrize(
    ("logits", "labels", "index", "message"),
    [
        ((4, 3), torch.zeros(4, dtype=torch.long), None, "criterion.model.x., y, index. .* and no index"),
        ((4, 3), torch.zeros(4, dtype=torch.long), torch.arange(3), "an index of shape .3,."),
        ((4, 5), torch.zeros(4, dtype=torch.long), torch.arange(4), "for 60 samples of 3 classes"),
        ((4, 3), torch.zeros(3, dtype=torch.long), torch.arange(4), "got shapes .4, 3. and .3,."),
        ((4, 3), torch.zeros(4), torch.arange(4), "labels of type torch.float32"),
        ((4, 3, 2), torch.zeros(4, dtype=torch.long), torch.arange(4), "logits .samples, classes. and class"),
    ],
)
def test_what_it_cannot_be_called_on(logits, labels, index, message):
    with pytest.raises(InputError, match=message):
        made("elr")(torch.zeros(logits), labels, index)


def test_elr_in_several_processes_is_refused(monkeypatch):
    """Each would keep targets of its own part of the samples, which changes from epoch to epoch."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    logits, y = torch.zeros(4, CLASSES), torch.zeros(4, dtype=torch.long)
    assert made("gce")(logits, y).isfinite()
    with pytest.raises(InputError, match="the targets of all samples in one process"):
        made("elr")(logits, y, torch.arange(4))


def test_every_criterion_is_one_or_is_refused():
    for name in get_args(CriterionName):
        if name in OF_LOOPS:
            assert isinstance(copy.deepcopy(made(name)), nn.Module)
        else:
            with pytest.raises(InputError):
                made(name)
