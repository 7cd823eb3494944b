import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from rlflood.training.mlp.network import StackedMLP


def stack(seeds, *, features=(10, 2, 4), classes=(2, 3, 5), hidden=(30, 20), batch_norm=False):
    return StackedMLP(features, classes, hidden, seeds, batch_norm=batch_norm)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_initial_weights_are_distributed_as_those_of_linear(layer):
    replicas, features, classes, hidden = 40, 10, 4, (50, 30)
    network = StackedMLP([features] * replicas, [classes] * replicas, hidden, range(replicas))
    bound = 1 / np.sqrt((features, *hidden)[layer])
    for tensor in (network.weights[layer], network.biases[layer]):
        values = tensor.detach().numpy().ravel()
        assert np.abs(values).max() <= bound
        assert stats.kstest(values, "uniform", (-bound, 2 * bound)).pvalue > 1e-3
    # what torch itself does, so that a change of its rule is noticed
    torch.manual_seed(0)
    reference = nn.Linear((features, *hidden)[layer], 500).weight.detach().numpy().ravel()
    assert stats.kstest(reference, "uniform", (-bound, 2 * bound)).pvalue > 1e-3


def test_initialisation_depends_on_the_own_seed_and_sizes_alone():
    together = stack([1, 2, 3])
    for replica in range(3):
        alone = stack([replica + 1], features=(10, 2, 4)[replica:][:1], classes=(2, 3, 5)[replica:][:1])
        for name, value in alone.module(0).state_dict().items():
            assert torch.equal(together.module(replica).state_dict()[name], value)


def test_equal_seeds_share_an_initialisation_and_others_do_not():
    network = stack([5, 5, 6], features=(4, 4, 4), classes=(2, 2, 2))
    first, second, third = (network.module(i).state_dict() for i in range(3))
    for name in first:
        assert torch.equal(first[name], second[name])
        assert not torch.equal(first[name], third[name])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("hidden", [(), (7,), (30, 20)])
def test_logits_are_those_of_the_modules_it_is_made_of(batch_norm, hidden):
    network = stack([1, 2, 3], hidden=hidden, batch_norm=batch_norm)
    modules = [network.module(i) for i in range(3)]
    x = torch.randn(3, 40, 10, generator=torch.Generator().manual_seed(0))
    for i, features in enumerate(network.features):
        x[i, :, features:] = 0
    for training in (True, True, False):  # twice in training: running statistics must move alike
        logits = network.train(training)(x)
        assert logits.shape == (3, 40, 5)
        for i, module in enumerate(modules):
            expected = module.train(training)(x[i, :, : network.features[i]])
            torch.testing.assert_close(logits[i, :, : network.classes[i]], expected, rtol=1e-4, atol=1e-5)
            assert (logits[i, :, network.classes[i] :] < -1e38).all()
    for i, module in enumerate(modules):
        for name, value in network.module(i).state_dict().items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(value, module.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_no_mask_where_all_have_the_same_classes():
    logits = stack([1, 2, 3], classes=(4, 4, 4))(torch.randn(3, 6, 10))
    assert logits.abs().max() < 100


def test_own_classes_are_those_that_a_replica_has():
    assert stack([1, 2, 3]).own_classes.sum(-1).flatten().tolist() == [2, 3, 5]
    assert stack([1, 2, 3]).own_classes[0, 0].tolist() == [True, True, False, False, False]
    assert stack([1, 2, 3], classes=(4, 4, 4)).own_classes.shape == (3, 1, 4)
    assert stack([1, 2, 3], classes=(4, 4, 4)).own_classes.all()


def test_a_module_is_a_copy():
    network = stack([1, 2, 3])
    before = network.module(0)[0].weight.clone()
    with torch.no_grad():
        network.weights[0].zero_()
    module = network.module(1)
    with torch.no_grad():
        module[0].weight.fill_(5)
    assert network.weights[0].abs().max() == 0
    assert before.abs().max() > 0
