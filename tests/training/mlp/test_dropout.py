import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from rlflood.training import PopulationTrainer, StackedMLP, Task
from rlflood.training.mlp.dropout import StackedDropout
from rlflood.training.order import batch_order


def drawn(seeds, p=0.3, *, epoch=0, samples=40, width=25) -> torch.Tensor:
    """What becomes of ones."""
    dropout = StackedDropout(seeds, p)
    dropout.begin_epoch(epoch)
    return dropout(torch.ones(len(seeds), samples, width))


def split_mix(bits: int) -> int:
    """SplitMix64's finaliser in Python's own integers."""
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return bits ^ bits >> 31


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (17, 3), (-5, 100)])
def test_masks_are_the_bits_of_split_mix(seed, epoch):
    golden = 0x9E3779B97F4A7C15
    stream = split_mix((split_mix(seed * golden % 2**64) + 2 * epoch + 2) % 2**64)
    words = [split_mix((stream + word * golden) % 2**64) for word in range(3)]
    bits = [word >> 16 * part & 0xFFFF for word in words for part in range(4)]
    signed = [value - 2**16 if value >= 2**15 else value for value in bits]
    expected = [float(value >= 0.25 * 2**16 - 2**15) / 0.75 for value in signed][:10]
    np.testing.assert_allclose(drawn([seed], 0.25, epoch=epoch, samples=2, width=5).flatten(), expected)


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.95])
def test_units_are_dropped_with_the_probability_and_the_mean_stays(p):
    values = drawn(range(30), p, samples=100, width=30)
    dropped = int((values == 0).sum())
    assert stats.binomtest(dropped, values.numel(), p).pvalue > 1e-3
    torch.testing.assert_close(values[values != 0].unique(), torch.tensor([1 / (1 - p)]), rtol=1e-3, atol=0)
    assert values.mean().item() == pytest.approx(1, abs=5 * (p / (1 - p) / values.numel()) ** 0.5)


def test_the_closest_to_1_still_keeps_some():
    assert drawn(range(40), 0.9999999, samples=500, width=20).any()


def test_masks_depend_on_the_own_seed_and_epoch_alone():
    together = drawn([4, 7, 4, 9], epoch=5)
    assert torch.equal(together[1], drawn([7], epoch=5)[0])
    assert torch.equal(together[0], together[2])
    others = [together[0], together[1], together[3], drawn([4], epoch=4)[0], drawn([4], epoch=6)[0]]
    assert len({tuple(mask.flatten().tolist()) for mask in others}) == 5
    agreement = torch.stack([(a == b).float().mean() for a in others for b in others if a is not b])
    assert agreement.sub(0.3**2 + 0.7**2).abs().max() < 0.08


def test_the_next_mask_is_another_and_the_epoch_begins_again():
    dropout, ones = StackedDropout([3], 0.5), torch.ones(1, 30, 11)
    first, second = dropout(ones), dropout(ones)
    assert (first == second).float().mean().item() == pytest.approx(0.5, abs=0.15)
    dropout.begin_epoch(0)
    assert torch.equal(dropout(ones), first)


def test_evaluation_leaves_units_alone():
    x = torch.randn(2, 5, 3)
    assert torch.equal(StackedDropout([1, 2], 0.5).eval()(x), x)


def test_modules_have_dropout_after_each_hidden_relu():
    network = StackedMLP([4, 4], [3, 2], (8, 6), [1, 2], dropout=0.25).eval()
    module = network.module(0).eval()
    kinds = [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert [type(layer) for layer in module] == kinds
    assert module[2].p == 0.25
    x = torch.randn(2, 9, 4)
    torch.testing.assert_close(network(x)[0], module(x[0]))


@pytest.mark.parametrize("batch_size", [None, 20])
def test_training_is_that_of_a_plain_loop_with_these_masks(batch_size):
    task = Task(
        hidden=(16, 12), train_size=50, val_size=20, test_size=20, batch_size=batch_size, dropout=0.4,
        criterion="label-smoothing", strength=0.1, optimizer="sgd", learning_rate=0.05,
    )  # fmt: skip
    stack = PopulationTrainer([task] * 3, [1, 2, 3], [4, 5, 6])
    module, masks = stack.module(1), StackedDropout([5], 0.4)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    data = task.split(2).train
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    for epoch in range(8):
        masks.begin_epoch(epoch)
        order = torch.arange(50) if batch_size is None else batch_order(torch.tensor([5]), epoch, 50)[0]
        total = 0.0
        for rows in order.split(batch_size or 50):
            values = x[rows]
            for layer in module:
                values = masks(values[None])[0] if isinstance(layer, nn.Dropout) else layer(values)
            optimizer.zero_grad()
            F.cross_entropy(values, y[rows], label_smoothing=0.1).backward()
            optimizer.step()
            total += F.cross_entropy(values, y[rows], reduction="sum").item()
        assert stack.run_epoch(0.0).train_loss[1] == pytest.approx(total / 50, rel=1e-4)
