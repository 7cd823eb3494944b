"""Convolutional networks for images."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rlflood.data.source import ImageShape
from rlflood.errors import InputError

CIFAR_DEPTHS = (20, 32, 44, 56, 110)


class CifarResNet(nn.Module):
    """The residual network of ``6 n + 2`` layers for small images: He et al., CVPR 2016, section 4.2.

    A 3 x 3 convolution, three stages of ``n`` blocks of two 3 x 3 convolutions with 16, 32 and 64 channels,
    the mean over the image, and a linear layer. Shortcuts have no parameters (option A): where a stage
    begins, every second pixel is taken and the new channels are zeros. Initialisation is that of He et al.,
    ICCV 2015.

    Args:
        depth: Layers with weights: 20, 32, 44 ...
        channels: Channels of an image.
        classes: Classes.

    Raises:
        ValueError: if ``depth`` is not ``6 n + 2``.
    """

    def __init__(self, depth: int, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"the depth must be 6 n + 2, such as 20, 32 or 44: got {depth}")
        self.conv = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        widths = (16, 16, 32, 64)
        self.stages = nn.Sequential(
            *(
                _Block(widths[stage] if block else widths[stage - 1], widths[stage])
                for stage in (1, 2, 3)
                for block in range(blocks)
            )
        )
        self.linear = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape ``(samples, classes)`` for images of shape ``(samples, channels, h, w)``."""
        x = F.relu(self.norm(self.conv(x)))
        x = self.stages(x)
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


class _Block(nn.Module):
    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.stride = 1 if width == width_in else 2
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=self.stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.new = width - width_in

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.new:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new // 2, self.new - self.new // 2))
        return F.relu(out + x)


def small_cnn(shape: ImageShape, classes: int) -> nn.Sequential:
    """Two 3 x 3 convolutions of 16 and 32 channels, each with ReLU and 2 x 2 pooling, and 64 units.

    Raises:
        InputError: if an image is too small to be pooled twice.
    """
    channels, height, width = shape
    if min(height, width) < 4:
        raise InputError(f"images of {height} x {width} are too small for cnn: it needs 4 x 4, mlp does not")
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def resnet18(channels: int, classes: int) -> nn.Module:
    """torchvision's ResNet-18, its first convolution for ``channels``: He et al., CVPR 2016."""
    from torchvision.models import resnet18

    network: nn.Module = resnet18(num_classes=classes)
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    return network


def image_network(name: str, shape: ImageShape, classes: int, seed: int) -> nn.Module:
    """The network of this name with the initialisation of ``seed``; PyTorch's generator stays as it was.

    Args:
        name: ``cnn``, ``resnet18``, or ``resnet`` with one of ``CIFAR_DEPTHS``.
        shape: Channels, height and width of an image.
        classes: Classes.
        seed: Of the initialisation.
    """
    with torch.random.fork_rng(devices=[]):
        # not torch.manual_seed: it would seed the GPUs too, which fork_rng has not been told to restore
        torch.default_generator.manual_seed(seed)
        if name == "cnn":
            return small_cnn(shape, classes)
        if name == "resnet18":
            return resnet18(shape[0], classes)
        return CifarResNet(int(name.removeprefix("resnet")), shape[0], classes)
