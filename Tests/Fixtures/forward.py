"""Whole networks in evaluation mode: weights, inputs and the logits that PyTorch gives."""

from pathlib import Path

import torch
from fixture import write
from peers import models
from safetensors.torch import load_file
from subjects import Subject
from torch import nn


def unsettle(model: nn.Module) -> None:
    """Makes every parameter and statistic of batch norm matter: fresh ones are all zeros and ones."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)


def make_forward() -> None:
    """Weights and inputs are stored in float16 to keep the file small, and are exact: compute with them in float32."""
    cases, tensors = [], {}
    for subject in (Subject("dec3", 1, 36, 32), Subject("lenet5", 1, 10, 28), Subject("resnet20", 3, 10, 32)):
        torch.manual_seed(7)
        model = subject.build()
        unsettle(model)
        weights = {name: value.half() for name, value in models.state(model).items()}
        models.load(model, weights)
        images = torch.randn(subject.input_shape(2)).half()
        with torch.no_grad():
            logits = model.eval()(images.float())
        tensors |= {f"{subject.model}.weights.{name}": value for name, value in weights.items()}
        tensors |= {f"{subject.model}.input": images, f"{subject.model}.logits": logits}
        cases.append({**vars(subject), "input": f"{subject.model}.input", "logits": f"{subject.model}.logits",
                      "weights_prefix": f"{subject.model}.weights."})  # fmt: skip
    write("forward", {"networks": cases}, tensors)


def make_given_weights(folder: Path) -> None:
    """Logits of the public CIFAR-10 weights, which are not ours to store: the test needs them beside it."""
    torch.manual_seed(8)
    images = torch.randn(2, 3, 32, 32)
    cases, tensors = [], {"input": images}
    for name in models.RESNETS:
        model = models.build(name, 3, 10, 32).eval()
        models.load(model, load_file(folder / f"{name}-cifar10.safetensors"))
        with torch.no_grad():
            tensors[f"{name}.logits"] = model(images)
        cases.append(
            {"model": name, "file": f"{name}-cifar10.safetensors", "input": "input", "logits": f"{name}.logits"}
        )
    write("given_weights", {"networks": cases}, tensors)
