"""Parameters and multiply-accumulates, of whole networks and of single layers."""

from typing import Any

import torch
from fixture import write
from subjects import SUBJECTS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def macs(model: nn.Module, shape: list[int]) -> tuple[int, list[int]]:
    """PyTorch counts 2 FLOPs a multiply-accumulate, padded positions included, biases and the rest not at all."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = model.eval()(torch.zeros(shape))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2, list(output.shape)


def convolution(
    name: str, inputs: int, outputs: int, kernel: tuple[int, int], shape: list[int], **options: Any
) -> dict:
    settings = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "bias": False} | options
    return layer(name, "conv2d", nn.Conv2d(inputs, outputs, kernel, **settings), shape, settings)


def linear(name: str, inputs: int, outputs: int, shape: list[int]) -> dict:
    settings = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "bias": True}
    return layer(name, "linear", nn.Linear(inputs, outputs), shape, settings)


def layer(name: str, operation: str, module: nn.Module, shape: list[int], settings: dict[str, Any]) -> dict:
    count, output = macs(module, shape)
    return {
        "name": name,
        "operation": operation,
        "weight": list(module.weight.shape),
        **settings,
        "input": shape,
        "output": output,
        "macs": count,
    }


def make_macs() -> None:
    architectures = []
    for subject in SUBJECTS:
        model = subject.build()
        count, output = macs(model, subject.input_shape(1))
        architectures.append(
            {
                "model": subject.model,
                "in_channels": subject.in_channels,
                "classes": subject.classes,
                "image": subject.image,
                "input": subject.input_shape(1),
                "output": output,
                "parameters": sum(p.numel() for p in model.parameters()),
                "macs": count,
            }
        )
    layers = [
        convolution("plain 3x3", 8, 16, (3, 3), [1, 8, 10, 12]),
        convolution("padding", 8, 16, (3, 3), [1, 8, 10, 12], padding=(1, 1), bias=True),
        convolution("stride 2", 8, 16, (3, 3), [1, 8, 15, 16], padding=(1, 1), stride=(2, 2)),
        convolution("unequal stride and padding", 4, 6, (5, 3), [1, 4, 17, 13], padding=(2, 0), stride=(3, 2)),
        convolution("dilation", 4, 8, (3, 3), [1, 4, 14, 14], padding=(2, 2), dilation=(2, 2)),
        convolution("dilation, no padding", 4, 8, (3, 2), [1, 4, 14, 11], dilation=(3, 2)),
        convolution("two groups", 8, 12, (3, 3), [1, 8, 9, 9], padding=(1, 1), groups=2),
        convolution("depthwise", 16, 16, (3, 3), [1, 16, 14, 14], padding=(1, 1), groups=16),
        convolution("depthwise, multiplier 2", 6, 12, (3, 3), [1, 6, 8, 8], stride=(2, 2), groups=6, bias=True),
        convolution("vertical 5x1", 3, 32, (5, 1), [1, 3, 32, 32], padding=(2, 0)),
        convolution("horizontal 1x5", 32, 32, (1, 5), [1, 32, 32, 32], padding=(0, 2)),
        convolution("pointwise 1x1", 24, 40, (1, 1), [1, 24, 7, 7], bias=True),
        convolution("pointwise, stride 2", 24, 40, (1, 1), [1, 24, 7, 7], stride=(2, 2)),
        convolution("batch of 3", 8, 16, (3, 3), [3, 8, 10, 12], padding=(1, 1)),
        linear("linear", 128, 36, [1, 128]),
        linear("linear, batch of 4", 400, 120, [4, 400]),
        linear("linear on a sequence", 20, 30, [1, 7, 20]),
    ]
    write("macs", {"architectures": architectures, "layers": layers})
