"""The architectures of Thresh as plain PyTorch modules, under the same state-dict names.

They exist to be compared with: fixtures are made from them and the benchmarks time them, so they are
written as a PyTorch user would write them, without tricks for speed.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DecomposedBlock(nn.Module):
    """A k×k convolution replaced by k×1, ReLU, 1×k (DecomposeMe, arXiv 1606.05426)."""

    def __init__(self, inputs: int, units: int, kernel: int) -> None:
        super().__init__()
        half = kernel // 2
        self.conv_v = nn.Conv2d(inputs, units, (kernel, 1), padding=(half, 0), bias=False)
        self.bn_v = nn.BatchNorm2d(units)
        self.conv_h = nn.Conv2d(units, units, (1, kernel), padding=(0, half), bias=False)
        self.bn_h = nn.BatchNorm2d(units)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn_v(self.conv_v(x)))
        return F.relu(self.bn_h(self.conv_h(x)))


class Dec3(nn.Module):
    """Three decomposed blocks, global average pooling and one classifier; any image size from 4×4 on."""

    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__()
        self.block1 = DecomposedBlock(in_channels, 32, 5)
        self.block2 = DecomposedBlock(32, 64, 5)
        self.block3 = DecomposedBlock(64, 128, 3)
        self.linear = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.block1(x), 2)
        x = F.max_pool2d(self.block2(x), 2)
        x = F.adaptive_avg_pool2d(self.block3(x), 1)
        return self.linear(x.flatten(1))


class Dec8(nn.Module):
    """Eight decomposed blocks, the last four of `widest` units, in groups of 1, 1, 2, 2 and 2, and one classifier."""

    def __init__(self, in_channels: int, classes: int, widest: int) -> None:
        super().__init__()
        units = [in_channels, 64, 128, 256, 256, widest, widest, widest, widest]
        for block in range(1, 9):
            setattr(self, f"block{block}", DecomposedBlock(units[block - 1], units[block], 3))
        self.linear = nn.Linear(widest, classes)

    def forward(self, x: Tensor) -> Tensor:
        for block in range(1, 9):
            x = getattr(self, f"block{block}")(x)
            if block in (1, 2, 4, 6):
                x = F.max_pool2d(x, 2)
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


class LeNet5(nn.Module):
    """LeNet-5 with ReLU and max pooling; 28×28 images are padded so that 400 features reach `fc1` too."""

    def __init__(self, in_channels: int, classes: int, image: int) -> None:
        super().__init__()
        padding = {28: 2, 32: 0}[image]
        self.conv1 = nn.Conv2d(in_channels, 6, 5, padding=padding)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut without parameters (option A: take every second pixel, pad the channels)."""

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pads = planes // 4 if inputs != planes else 0

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pads, self.pads)) if self.pads else x
        return F.relu(y + shortcut)


class ResNet(nn.Module):
    """The CIFAR ResNet of He et al. (2015): 6n + 2 layers, in three stages of 16, 32 and 64 channels."""

    def __init__(self, blocks: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(inputs: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
        rest = [ResidualBlock(planes, planes, 1) for _ in range(blocks - 1)]
        return nn.Sequential(ResidualBlock(inputs, planes, stride), *rest)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


def dec3(in_channels: int, classes: int) -> Dec3:
    return Dec3(in_channels, classes)


def lenet5(in_channels: int, classes: int, image: int) -> LeNet5:
    return LeNet5(in_channels, classes, image)


def resnet20(classes: int) -> ResNet:
    return ResNet(3, classes)


def resnet32(classes: int) -> ResNet:
    return ResNet(5, classes)


def resnet44(classes: int) -> ResNet:
    return ResNet(7, classes)


def resnet56(classes: int) -> ResNet:
    return ResNet(9, classes)


WIDEST = {"dec8": 256, "dec8-512": 512}

RESNETS: dict[str, Callable[[int], ResNet]] = {
    "resnet20": resnet20,
    "resnet32": resnet32,
    "resnet44": resnet44,
    "resnet56": resnet56,
}


def build(name: str, in_channels: int, classes: int, image: int) -> nn.Module:
    """Builds an architecture by the name that the worker protocol and the fixtures use."""
    if name == "dec3":
        return dec3(in_channels, classes)
    if name in WIDEST:
        return Dec8(in_channels, classes, WIDEST[name])
    if name == "lenet5":
        return lenet5(in_channels, classes, image)
    if name in RESNETS and in_channels == 3:
        return RESNETS[name](classes)
    from peers import vision  # here, since only these architectures need torchvision

    if name in vision.NAMES and in_channels == 3:
        return vision.build(name, classes, image)
    known = ["dec3", *WIDEST, "lenet5", *RESNETS, *vision.NAMES]
    raise ValueError(f"no architecture {name!r} for {in_channels} channels; known: {', '.join(known)}")


def state(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without `num_batches_tracked`: nothing reads it when the momentum is a number."""
    return {k: v.detach() for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}


def load(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Loads weights strictly: every name and shape must match, but for `num_batches_tracked`."""
    counters = {k: torch.tensor(0) for k in model.state_dict() if k.endswith("num_batches_tracked")}
    model.load_state_dict(counters | weights, strict=True)
