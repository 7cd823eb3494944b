"""The formulas against loops over samples in float64 that know nothing of padding."""

import math

import pytest
import torch
from torch.nn import functional as F

from rlflood.formulas import cross_entropies
from rlflood.strengths import CriterionName
from rlflood.training.criteria import make_criterion
from rlflood.training.mlp.network import StackedMLP

CLASSES = (2, 3, 5)
STRENGTHS: dict[CriterionName, tuple[float, float, float]] = {
    "gce": (0.7, 1.0, 0.05),
    "sce": (1.0, 0.0, 3.0),
    "label-smoothing": (0.1, -2.0, 0.9),
}


def alone(name: str, logits: torch.Tensor, label: int, strength: float) -> torch.Tensor:
    """The loss of one sample of one network, from its probabilities."""
    p = logits.softmax(0)
    if name == "gce":
        return (1 - p[label] ** strength) / strength
    if name == "sce":
        logs = torch.tensor([0.0 if k == label else -4.0 for k in range(len(p))])  # log 0 is A = -4
        return -0.1 * p[label].log() - strength * (p * logs).sum()
    return F.cross_entropy(logits[None], torch.tensor([label]), label_smoothing=0) * (1 - strength) + (
        strength * -p.log().sum() / len(p)
    )


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of three replicas with 2, 3 and 5 classes, their labels, and which classes they have."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 7, 5, generator=generator)
    own = torch.arange(5) < torch.tensor(CLASSES)[:, None, None]
    labels = torch.stack([torch.randint(0, count, (7,), generator=generator) for count in CLASSES])
    return logits + torch.where(own, 0.0, torch.finfo(torch.float32).min), labels, own


def criterion(name: CriterionName, own: torch.Tensor, strengths: tuple[float, ...]):
    network = StackedMLP([1] * len(own), [2] * len(own), (1,), range(len(own)))
    made = make_criterion(name, network=network, own_classes=own, samples=None, seeds=range(len(own)))
    made.begin_epoch(0, torch.tensor(strengths, dtype=torch.float64).numpy())
    return made


@pytest.mark.parametrize("name", STRENGTHS)
def test_losses_and_gradients_are_those_of_each_sample_over_its_own_classes(name):
    logits, labels, own = example()
    logits.requires_grad_()
    batch = criterion(name, own, STRENGTHS[name]).batch(lambda x: x, logits, labels, labels, 0)
    batch.losses.sum().backward()
    assert batch.rest is None
    assert batch.plain is not None and not batch.plain.requires_grad
    torch.testing.assert_close(batch.plain, cross_entropies(logits.detach(), labels))
    for i, (count, strength) in enumerate(zip(CLASSES, STRENGTHS[name], strict=True)):
        values = logits.detach()[i, :, :count].double().requires_grad_()
        expected = torch.stack(
            [alone(name, row, int(y), strength) for row, y in zip(values, labels[i], strict=True)]
        )
        expected.sum().backward()
        torch.testing.assert_close(batch.losses[i].double(), expected, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(logits.grad[i, :, :count].double(), values.grad, rtol=1e-4, atol=1e-6)
        assert not logits.grad[i, :, count:].any()


def test_by_hand():
    """The label has probability 1/4 of four classes that are equally likely."""
    logits, labels, own = torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1, 4) > 0
    for name, strength, expected in (
        ("gce", 1.0, 0.75),
        ("gce", 0.5, 1.0),  # (1 - 1/2) / (1/2)
        ("sce", 1.0, 0.1 * math.log(4) + 4 * 0.75),
        ("label-smoothing", -1.0, math.log(4)),  # 2 log 4 - log 4
    ):
        found = criterion(name, own, (strength,)).losses(logits, labels)
        assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_smoothing_is_that_of_torch(smoothing):
    logits, labels, own = example()
    found = criterion("label-smoothing", own, (smoothing,) * 3).losses(logits, labels)
    for i, count in enumerate(CLASSES):
        expected = F.cross_entropy(
            logits[i, :, :count], labels[i], reduction="none", label_smoothing=smoothing
        )
        torch.testing.assert_close(found[i], expected)


def test_no_smoothing_is_the_plain_cross_entropy_bit_for_bit():
    logits, labels, own = example()
    found = criterion("label-smoothing", own, (0.0,) * 3).losses(logits, labels)
    assert torch.equal(found, cross_entropies(logits, labels))


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_sample_that_is_certainly_right_or_wrong_has_a_finite_gradient(name):
    logits = torch.tensor([[[200.0, -200.0]], [[-200.0, 200.0]]], requires_grad=True)
    labels = torch.zeros(2, 1, dtype=torch.int64)
    own = torch.ones(2, 1, 2) > 0
    criterion(name, own, STRENGTHS[name][:2]).losses(logits, labels).sum().backward()
    assert logits.grad.isfinite().all()
