"""Large networks in evaluation mode, with weights that both sides compute from a formula instead of storing them."""

import numpy as np
import torch
from fixture import write
from peers import models
from subjects import Subject
from torch import Tensor

SUBJECTS = [
    Subject("resnet18", 3, 10, 32),
    Subject("resnet18", 3, 10, 64),
    Subject("resnet50", 3, 10, 32),
    Subject("resnet50-dec", 3, 10, 64),
    Subject("vgg16_bn", 3, 10, 32),
    Subject("dec8", 3, 10, 32),
]


def fnv(text: str) -> int:
    """FNV-1a in 32 bits."""
    start = 2166136261
    for byte in text.encode():
        start = (start ^ byte) * 16777619 % 2**32
    return start


def fractions(name: str, count: int) -> np.ndarray:
    """Numbers in 0 ..< 1: a hash of the tensor's name and of each position, in 32 bits."""
    start = fnv(name)
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(start)
    for _ in range(2):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**32


def tensor(name: str, shape: list[int]) -> Tensor:
    """Weights on ±√(6/inputs), so that values keep their size; scales and variances on 0.5…1.5, the rest on ±0.2."""
    u = fractions(name, int(np.prod(shape)))
    if name == "input":
        values = 2 * u - 1
    elif len(shape) > 1:
        values = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith(("weight", "running_var")):
        values = 0.5 + u
    else:
        values = 0.4 * u - 0.2
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def make_formula() -> None:
    cases = []
    for subject in SUBJECTS:
        model = subject.build()
        models.load(model, {name: tensor(name, list(value.shape)) for name, value in models.state(model).items()})
        with torch.no_grad():
            logits = model.eval()(tensor("input", subject.input_shape(2)))
        assert logits.std(0).max() > 0.01 * logits.abs().max(), "the images give the same logits"
        cases.append({**vars(subject), "logits": logits.flatten().tolist()})
    write("formula", {"networks": cases})
