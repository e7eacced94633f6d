"""The names and shapes in torchvision's state dicts, in its order."""

from fixture import write
from peers import models
from torchvision.models import resnet18, resnet34, resnet50, vgg16_bn

BUILDERS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50, "vgg16_bn": vgg16_bn}


def make_names() -> None:
    networks = []
    for model, build in BUILDERS.items():
        state = models.state(build(weights=None))
        lines = [" ".join([name, *map(str, value.shape)]) for name, value in state.items()]
        networks.append({"model": model, "parameters": lines})
    write("names", {"networks": networks})
