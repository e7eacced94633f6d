"""The architectures that the fixtures are made of."""

from dataclasses import dataclass

from fixture import FOLDER  # noqa: F401  (makes `peers` importable)
from peers import models, vision
from torch import nn


@dataclass
class Subject:
    """An architecture on an input; `image` is the side of the square."""

    model: str
    in_channels: int
    classes: int
    image: int

    def build(self) -> nn.Module:
        return models.build(self.model, self.in_channels, self.classes, self.image)

    def input_shape(self, batch: int) -> list[int]:
        return [batch, self.in_channels, self.image, self.image]


SUBJECTS = [
    Subject("dec3", 1, 36, 32),
    Subject("dec3", 3, 36, 32),
    Subject("lenet5", 1, 10, 28),
    Subject("lenet5", 3, 10, 32),
    *(Subject(name, 3, 10, 32) for name in models.RESNETS),
    *(Subject(name, 3, 100, 32) for name in (*models.WIDEST, *vision.NAMES)),
    *(Subject(name, 3, 1000, 224) for name in (*models.WIDEST, *vision.NAMES)),
    Subject("resnet18", 3, 10, 64),
    Subject("vgg16_bn", 3, 10, 256),
]
