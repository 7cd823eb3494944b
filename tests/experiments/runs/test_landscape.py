"""Filter-normalised gradients and perturbations against plain modules, one filter at a time."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from rlflood.data import Split
from rlflood.experiments.runs import landscape
from rlflood.experiments.runs.landscape import (
    Samples,
    evaluate,
    gradient_norm,
    perturbed_losses,
    random_direction,
)
from rlflood.training import StackedMLP

FEATURES, CLASSES, HIDDEN, SEEDS = (3, 5), (2, 4), (7, 6), (11, 12)
COUNT = 23


def stack(*, batch_norm):
    """Two networks with other inputs, classes and data, and batch normalisation that has seen something."""
    network = StackedMLP(FEATURES, CLASSES, HIDDEN, SEEDS, batch_norm=batch_norm)
    generator = torch.Generator().manual_seed(5)
    x = torch.zeros(2, COUNT, max(FEATURES))
    for replica, features in enumerate(FEATURES):
        x[replica, :, :features] = torch.randn(COUNT, features, generator=generator)
    y, y_clean = (
        torch.stack([torch.randint(0, classes, (COUNT,), generator=generator) for classes in CLASSES])
        for _ in range(2)
    )
    with torch.no_grad():
        for norm in network.norms:
            norm.weight.uniform_(0.5, 2, generator=generator)
            norm.bias.uniform_(-1, 1, generator=generator)
        network.train()
        network(x)
    return network, Samples(x, y, y_clean)


def own(samples, replica):
    return samples.x[replica, :, : FEATURES[replica]], samples.y[replica], samples.y_clean[replica]


@pytest.fixture(params=[False, True], ids=["plain", "batch norm"])
def stacked(request):
    return stack(batch_norm=request.param)


@pytest.fixture(params=[10**9, 5 * 2 * 18], ids=["one pass", "five at a time"])
def _chunk(request, monkeypatch):
    monkeypatch.setattr(landscape, "_CHUNK", request.param)


@pytest.mark.usefixtures("_chunk")
def test_evaluation_is_that_of_each_replica_as_a_module(stacked):
    network, samples = stacked
    measured = evaluate(network, samples)
    for replica in range(2):
        x, y, y_clean = own(samples, replica)
        with torch.no_grad():
            logits = network.module(replica).eval()(x)
        predicted = logits.argmax(1)
        expected = [F.cross_entropy(logits, y), *((predicted == t).float().mean() for t in (y, y_clean))]
        np.testing.assert_allclose(measured[:, replica], [float(e) for e in expected], rtol=1e-5)


@pytest.mark.usefixtures("_chunk")
def test_the_gradient_norm_is_that_of_a_module_filter_by_filter(stacked):
    network, samples = stacked
    measured = gradient_norm(network, samples)
    for replica in range(2):
        x, y, _ = own(samples, replica)
        module = network.module(replica).eval()
        F.cross_entropy(module(x), y).backward()
        squares = 0.0
        for layer in module:
            if isinstance(layer, nn.Linear):
                for filter_, gradient in zip(layer.weight, layer.weight.grad, strict=True):
                    squares += float(filter_.detach().norm() * gradient.norm()) ** 2
        assert measured[replica] == pytest.approx(squares**0.5, rel=1e-5)


def test_measuring_leaves_no_trace(stacked):
    network, samples = stacked
    before = deepcopy(network.state_dict())
    direction = random_direction(network, SEEDS)
    gradient_norm(network, samples)
    perturbed_losses(network, before, direction, np.array([0.5]), samples)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_perturbed_losses_are_those_of_perturbed_modules(stacked):
    network, samples = stacked
    alphas = np.array([-1.0, 0.0, 0.3])
    direction = random_direction(network, SEEDS)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    modules = [network.module(replica).eval() for replica in range(2)]
    with torch.no_grad():  # it is the state that counts, not the weights that the network has by now
        for parameter in network.parameters():
            parameter.fill_(7.0)
    measured = perturbed_losses(network, state, direction, alphas, samples)
    for replica, module in enumerate(modules):
        x, y, _ = own(samples, replica)
        for number, alpha in enumerate(alphas):
            moved = deepcopy(module)
            linears = [layer for layer in moved if isinstance(layer, nn.Linear)]
            with torch.no_grad():
                for linear, part in zip(linears, direction, strict=True):
                    for unit in range(linear.out_features):
                        step = part[replica, : linear.in_features, unit]
                        linear.weight[unit] += alpha * step / step.norm() * linear.weight[unit].norm()
                loss = float(F.cross_entropy(moved(x), y))
            assert measured[replica, number] == pytest.approx(loss, rel=1e-4)


def test_a_step_of_0_moves_nothing(stacked):
    network, samples = stacked
    direction = random_direction(network, SEEDS)
    losses = perturbed_losses(network, network.state_dict(), direction, np.zeros(1), samples)
    np.testing.assert_array_equal(losses[:, 0], evaluate(network, samples)[0])


@given(
    scales=st.tuples(*[st.floats(0.1, 10)] * 2),
    layer=st.integers(0, len(HIDDEN) - 1),
)
@settings(max_examples=30)
def test_what_is_filter_normalised_knows_a_function_not_its_scales(scales, layer):
    # a ReLU network is the same function with one layer's weights and biases times c and the next one's
    # weights over c; what is before the scaled layer and its bias has to be left alone
    network, samples = stack(batch_norm=False)
    direction, alphas = random_direction(network, SEEDS), np.array([-0.5, 1.0])

    def measured():
        return (
            evaluate(network, samples)[0],
            gradient_norm(network, samples),
            perturbed_losses(network, network.state_dict(), direction, alphas, samples),
        )

    before = measured()
    with torch.no_grad():
        for replica, scale in enumerate(scales):
            network.weights[layer][replica] *= scale
            network.biases[layer][replica] *= scale
            network.weights[layer + 1][replica] /= scale
    for now, then in zip(measured(), before, strict=True):
        np.testing.assert_allclose(now, then, rtol=1e-3)


def test_a_direction_is_a_function_of_a_seed_and_of_widths_alone():
    pair = random_direction(StackedMLP(FEATURES, CLASSES, HIDDEN, SEEDS), SEEDS)
    for replica, seed in enumerate(SEEDS):
        # another initialisation, another place in the stack
        single = StackedMLP([FEATURES[replica]], [CLASSES[replica]], HIDDEN, [99])
        for part, alone in zip(pair, random_direction(single, [seed]), strict=True):
            fan_in, fan_out = alone.shape[1:]
            torch.testing.assert_close(part[replica, :fan_in, :fan_out], alone[0], rtol=0, atol=0)
            assert part[replica].count_nonzero() == alone.count_nonzero() == alone.numel()


def test_a_direction_is_gaussian_and_has_nothing_to_do_with_the_initialisation():
    network = StackedMLP([40], [40], (40, 40), [3])
    direction = np.concatenate([part.numpy().ravel() for part in random_direction(network, [3])])
    weights = np.concatenate([weight.detach().numpy().ravel() for weight in network.weights])
    assert abs(direction.mean()) < 0.05
    assert direction.std() == pytest.approx(1, abs=0.05)
    assert np.mean(np.abs(direction) < 1) == pytest.approx(0.683, abs=0.03)
    assert abs(np.corrcoef(direction, weights)[0, 1]) < 0.05
    other = np.concatenate([part.numpy().ravel() for part in random_direction(network, [4])])
    assert abs(np.corrcoef(direction, other)[0, 1]) < 0.05


def test_samples_are_the_first_of_each_split():
    rng = np.random.default_rng(0)
    splits = [
        Split(rng.normal(size=(9, 3)).astype(np.float32), rng.integers(0, 2, 9), rng.integers(0, 2, 9))
        for _ in range(2)
    ]
    samples = Samples.stacked(splits, most=4, device=torch.device("cpu"))
    for replica, split in enumerate(splits):
        np.testing.assert_array_equal(samples.x[replica], split.x[:4])
        np.testing.assert_array_equal(samples.y[replica], split.y[:4])
        np.testing.assert_array_equal(samples.y_clean[replica], split.y_clean[:4])
    assert Samples.stacked(splits, device=torch.device("cpu")).y.shape == (2, 9)
