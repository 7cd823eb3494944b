import pytest
import torch
from rlflood.training.mlp.criterion import cross_entropies, smoothed_cross_entropies
from torch.nn import functional as F

CLASSES = (2, 3, 5)


def example() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of three replicas with 2, 3 and 5 classes, their labels, and which classes they have."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 7, 5, generator=generator)
    own = torch.arange(5) < torch.tensor(CLASSES)[:, None, None]
    labels = torch.stack([torch.randint(0, count, (7,), generator=generator) for count in CLASSES])
    return logits + torch.where(own, 0.0, torch.finfo(torch.float32).min), labels, own


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothing_is_that_of_torch_over_the_own_classes(smoothing):
    logits, labels, own = example()
    logits.requires_grad_()
    found = smoothed_cross_entropies(logits, labels, smoothing, own)
    found.sum().backward()
    for i, count in enumerate(CLASSES):
        alone = logits.detach()[i, :, :count].clone().requires_grad_()
        expected = F.cross_entropy(alone, labels[i], reduction="none", label_smoothing=smoothing)
        expected.sum().backward()
        torch.testing.assert_close(found[i], expected)
        torch.testing.assert_close(logits.grad[i, :, :count], alone.grad, rtol=1e-5, atol=1e-6)
        assert not logits.grad[i, :, count:].any()


def test_no_smoothing_is_the_plain_cross_entropy_bit_for_bit():
    logits, labels, own = example()
    assert torch.equal(smoothed_cross_entropies(logits, labels, 0.0, own), cross_entropies(logits, labels))
