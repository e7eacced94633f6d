"""torchvision's networks, with the usual changes for images that are too small for ImageNet's stem or classifier."""

import contextlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

with contextlib.suppress(RuntimeError):
    # Wheels of torchvision for CUDA do not find their detection operators beside a CPU build; classifiers need none.
    operators = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        operators.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision.models import resnet, vgg16_bn  # noqa: E402

DEPTHS = {"resnet18": [2, 2, 2, 2], "resnet34": [3, 4, 6, 3], "resnet50": [3, 4, 6, 3], "resnet50-dec": [3, 4, 6, 3]}
NAMES = [*DEPTHS, "vgg16_bn"]


class DecomposedBottleneck(resnet.Bottleneck):
    """A bottleneck whose 3×3 convolution is 3×1, batch norm, ReLU, 1×3 (DecomposeMe, arXiv 1606.05426)."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        units, stride = self.conv2.out_channels, self.stride
        del self.conv2
        self.conv2_v = nn.Conv2d(units, units, (3, 1), (stride, 1), padding=(1, 0), bias=False)
        self.bn2_v = nn.BatchNorm2d(units)
        self.conv2_h = nn.Conv2d(units, units, (1, 3), (1, stride), padding=(0, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.conv2_h(F.relu(self.bn2_v(self.conv2_v(y))))
        y = self.bn3(self.conv3(F.relu(self.bn2(y))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class SmallVGG16(nn.Module):
    """The features of VGG-16, pooled to one pixel, and one classifier."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = vgg16_bn(weights=None, init_weights=False).features
        self.classifier = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


def build(name: str, classes: int, image: int) -> nn.Module:
    if name == "vgg16_bn":
        return vgg16_bn(weights=None, num_classes=classes, init_weights=False) if image >= 224 else SmallVGG16(classes)
    blocks = {"resnet50": resnet.Bottleneck, "resnet50-dec": DecomposedBottleneck}
    model = resnet.ResNet(blocks.get(name, resnet.BasicBlock), DEPTHS[name], num_classes=classes)
    if image < 64:
        model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model
