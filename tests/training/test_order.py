import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rlflood.training.order import batch_order

int64s = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(int64s, min_size=1, max_size=5), st.integers(0, 10**6), st.integers(0, 200))
def test_every_row_is_a_permutation(seeds, epoch, samples):
    order = batch_order(torch.tensor(seeds), epoch, samples)
    assert order.shape == (len(seeds), samples)
    assert order.dtype == torch.int64
    assert torch.equal(order.sort(dim=1).values, torch.arange(samples).expand(len(seeds), samples))


@given(st.lists(int64s, min_size=1, max_size=5), st.integers(0, 10**6), st.data())
def test_a_replica_is_shuffled_as_it_would_be_alone(seeds, epoch, data):
    replica = data.draw(st.integers(0, len(seeds) - 1))
    alone = batch_order(torch.tensor([seeds[replica]]), epoch, 40)
    assert torch.equal(batch_order(torch.tensor(seeds), epoch, 40)[replica], alone[0])


def test_seeds_and_epochs_all_give_different_orders():
    seeds = torch.cat([torch.arange(100), 2 * torch.arange(100, 200), -torch.arange(1, 50)])
    orders = {tuple(row) for epoch in range(50) for row in batch_order(seeds, epoch, 30).tolist()}
    assert len(orders) == 50 * len(seeds)


@pytest.mark.parametrize(
    "orders",
    [
        batch_order(torch.arange(12_000), 0, 5),
        batch_order(torch.arange(12_000) * 2**20, 3, 5),
        torch.cat([batch_order(torch.tensor([7]), epoch, 5) for epoch in range(12_000)]),
    ],
    ids=["consecutive seeds", "seeds far apart", "consecutive epochs"],
)
def test_permutations_are_equally_likely(orders):
    """Chi-square over all 120 orders of five samples; the seeds are fixed, so the verdict is too."""
    _, counts = np.unique(orders.numpy(), axis=0, return_counts=True)
    assert len(counts) == 120
    assert stats.chisquare(counts).pvalue > 1e-3


def test_consecutive_epochs_are_unrelated():
    seeds = torch.arange(4000)
    first = [batch_order(seeds, epoch, 10)[:, 0].numpy() for epoch in (0, 1)]
    table = np.histogram2d(*first, bins=10)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_device_does_not_matter():
    seeds = torch.arange(64)
    on_gpu = batch_order(seeds.cuda(), 5, 1000).cpu()
    assert torch.equal(on_gpu, batch_order(seeds, 5, 1000))
