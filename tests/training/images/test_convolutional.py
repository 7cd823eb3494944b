import pytest
import torch
from torch import nn

from rlflood.training.images.convolutional import CIFAR_DEPTHS, CifarResNet, image_network

NAMES = ["cnn", "resnet18", "resnet20"]


def layers(network):
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_depth_and_parameters_are_those_of_the_paper(depth, millions):
    """He et al., CVPR 2016, table 6."""
    network = CifarResNet(depth)
    assert depth in CIFAR_DEPTHS
    assert len(layers(network)) == depth
    assert parameters(network) / 1e6 == pytest.approx(millions, abs=0.03 if depth == 110 else 0.006)


def test_the_parameters_of_resnet_44_by_hand():
    stem = 3 * 16 * 9 + 2 * 16
    blocks = 0
    for width_in, width in ((16, 16), (16, 32), (32, 64)):
        blocks += width_in * width * 9 + 13 * width * width * 9 + 14 * 2 * width
    assert parameters(CifarResNet(44)) == stem + blocks + 64 * 10 + 10 == 658_586


def test_shortcuts_take_every_second_pixel_and_new_channels_are_zeros():
    block = CifarResNet(20).stages[3]
    with torch.no_grad():
        block.norm2.weight.zero_()  # nothing but the shortcut is left
    x = torch.rand(2, 16, 8, 8)
    out = block(x)
    assert out.shape == (2, 32, 4, 4)
    assert torch.equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


@pytest.mark.parametrize("depth", [2, 21, 45])
def test_other_depths_are_refused(depth):
    with pytest.raises(ValueError, match="6 n"):
        CifarResNet(depth)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_grey_and_coloured_images_become_logits(name, shape):
    network = image_network(name, shape, 7, seed=0)
    assert network(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_is_the_initialisation_and_nothing_else(name):
    before = torch.get_rng_state()
    a, b, c = (image_network(name, (3, 32, 32), 10, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    first = [next(network.parameters()) for network in (a, b, c)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
