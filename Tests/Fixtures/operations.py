"""One case or more for each kind of operation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from fixture import Tensors, write
from torch import Tensor


@dataclass
class Cases:
    """Collects cases: a function of named tensors, with its settings sorted by type so that Swift decodes them."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    tensors: Tensors = field(default_factory=dict)

    def add(self, name: str, operation: str, function: Callable[..., Tensor | Tensors], inputs: Tensors,
            parameters: Tensors | None = None, **settings: Any) -> None:  # fmt: skip
        given = inputs | (parameters or {})
        # Copies go in: batch norm in training writes to its running statistics.
        named = {key: value.clone() for key, value in (parameters or {}).items()}
        result = function(*inputs.values(), **named, **settings)
        outputs = result if isinstance(result, dict) else {"output": result}
        self.tensors |= {f"{name}.{role}": value for role, value in (given | outputs).items()}
        integers = {k: list(v) if isinstance(v, (tuple, list)) else [v] for k, v in settings.items() if is_integers(v)}
        self.cases.append(
            {
                "name": name,
                "operation": operation,
                "inputs": list(inputs),
                "parameters": list(parameters or {}),
                "outputs": list(outputs),
                "integers": integers,
                "numbers": {k: v for k, v in settings.items() if isinstance(v, float)},
                "flags": {k: v for k, v in settings.items() if isinstance(v, bool)},
            }
        )


def is_integers(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or (isinstance(value, int) and not isinstance(value, bool))


def batch_norm_training(x: Tensor, weight: Tensor, bias: Tensor, running_mean: Tensor, running_var: Tensor,
                        **settings: Any) -> Tensors:  # fmt: skip
    output = F.batch_norm(x, running_mean, running_var, weight, bias, **settings)
    return {"output": output, "new_running_mean": running_mean, "new_running_var": running_var}


def strided_slice(x: Tensor, dim: list[int], start: list[int], end: list[int], step: list[int]) -> Tensor:
    """ONNX's Slice: one start, end and step for each named dimension."""
    for d, first, last, every in zip(dim, start, end, step):
        x = x[(slice(None),) * d + (slice(first, last, every),)]
    return x


def add_layers(cases: Cases) -> None:
    def conv(name: str, shape: tuple[int, ...], weight: tuple[int, ...], bias: bool, **settings: Any) -> None:
        parameters = {"weight": torch.randn(weight) / 3} | ({"bias": torch.randn(weight[0])} if bias else {})
        defaults = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        cases.add(name, "conv2d", F.conv2d, {"x": torch.randn(shape)}, parameters,
                  **defaults | settings)  # fmt: skip

    conv("conv2d", (2, 3, 7, 8), (4, 3, 3, 3), True)
    conv("conv2d_strided_dilated_grouped", (2, 4, 13, 12), (6, 2, 3, 3), True,
         stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=2)  # fmt: skip
    conv("conv2d_vertical", (2, 3, 9, 6), (5, 3, 5, 1), False, padding=(2, 0))
    conv("conv2d_horizontal", (2, 3, 6, 9), (5, 3, 1, 5), False, padding=(0, 2), stride=(1, 2))
    conv("conv2d_depthwise", (2, 4, 7, 7), (4, 1, 3, 3), False, padding=(1, 1), groups=4)
    parameters = {"weight": torch.randn(5, 7), "bias": torch.randn(5)}
    cases.add("linear", "linear", F.linear, {"x": torch.randn(3, 7)}, parameters)
    cases.add("linear_sequence", "linear", F.linear, {"x": torch.randn(2, 4, 7)},
              {"weight": parameters["weight"]})  # fmt: skip
    norm = {"weight": torch.rand(4) + 0.5, "bias": torch.randn(4), "running_mean": torch.randn(4),
            "running_var": torch.rand(4) + 0.5}  # fmt: skip
    cases.add("batch_norm_evaluation", "batch_norm", F.batch_norm,
              {"x": torch.randn(3, 4, 5, 6)}, norm, training=False, eps=1e-5)  # fmt: skip
    cases.add("batch_norm_training", "batch_norm", batch_norm_training,
              {"x": torch.randn(3, 4, 5, 6) * 2 + 1}, norm, training=True, momentum=0.1, eps=1e-5)  # fmt: skip


def add_activations(cases: Cases) -> None:
    x = {"x": torch.linspace(-8, 8, 2 * 3 * 4 * 4).view(2, 3, 4, 4)}
    cases.add("relu", "relu", F.relu, x)
    cases.add("leaky_relu", "leaky_relu", F.leaky_relu, x, negative_slope=0.1)
    cases.add("relu6", "relu6", F.relu6, x)
    cases.add("elu", "elu", F.elu, x, alpha=0.7)
    cases.add("sigmoid", "sigmoid", torch.sigmoid, x)
    cases.add("tanh", "tanh", torch.tanh, x)
    cases.add("softmax", "softmax", torch.softmax, x, dim=1)


def add_pooling(cases: Cases) -> None:
    x = {"x": torch.randn(2, 3, 8, 10)}
    for ceil_mode in (False, True):
        suffix = "_ceil" if ceil_mode else ""
        cases.add(f"max_pool2d{suffix}", "max_pool2d", F.max_pool2d, x,
                  kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(1, 1), ceil_mode=ceil_mode)  # fmt: skip
        cases.add(f"avg_pool2d{suffix}", "avg_pool2d", F.avg_pool2d, x,
                  kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), ceil_mode=ceil_mode,
                  count_include_pad=True)  # fmt: skip
    cases.add("avg_pool2d_without_padding", "avg_pool2d", F.avg_pool2d, x,
              kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), ceil_mode=False, count_include_pad=False)  # fmt: skip
    cases.add("max_pool2d_2x1", "max_pool2d", F.max_pool2d, x,
              kernel_size=(2, 1), stride=(2, 1), padding=(0, 0), dilation=(1, 1), ceil_mode=False)  # fmt: skip
    cases.add("global_avg_pool2d", "adaptive_avg_pool2d", F.adaptive_avg_pool2d, x, output_size=(1, 1))
    cases.add("global_max_pool2d", "adaptive_max_pool2d", F.adaptive_max_pool2d, x, output_size=(1, 1))
    cases.add("adaptive_avg_pool2d", "adaptive_avg_pool2d", F.adaptive_avg_pool2d, x, output_size=(3, 4))
    cases.add("adaptive_max_pool2d", "adaptive_max_pool2d", F.adaptive_max_pool2d, x, output_size=(3, 4))


def add_joining_and_shaping(cases: Cases) -> None:
    x, y = torch.randn(2, 3, 5, 6), torch.randn(2, 3, 5, 6)
    cases.add("add", "add", lambda a, b: a + b, {"a": x, "b": y})
    cases.add("mul", "mul", lambda a, b: a * b, {"a": x, "b": y})
    cases.add("mul_broadcast", "mul", lambda a, b: a * b, {"a": x, "b": torch.randn(2, 3, 1, 1)})
    cases.add("concatenate", "concatenate", lambda a, b, dim: torch.cat([a, b], dim),
              {"a": x, "b": torch.randn(2, 2, 5, 6)}, dim=1)  # fmt: skip
    cases.add("flatten", "flatten", torch.flatten, {"x": x}, start_dim=1, end_dim=-1)
    cases.add("reshape", "reshape", lambda x, shape: x.reshape(shape), {"x": x}, shape=(2, -1, 10))
    cases.add("slice_spatial", "slice", strided_slice, {"x": x}, dim=(2, 3), start=(0, 1), end=(5, 6), step=(2, 3))
    cases.add("slice_channels", "slice", strided_slice, {"x": x}, dim=(1,), start=(1,), end=(3,), step=(1,))
    cases.add("pad_channels", "pad", F.pad, {"x": x}, pad=(0, 0, 0, 0, 2, 1), value=0.0)
    cases.add("pad_spatial", "pad", F.pad, {"x": x}, pad=(1, 2, 3, 0), value=0.0)


def average_pool_between(x: Tensor, kernel_size: list[int], stride: list[int], pad: list[int], end: list[int],
                         count_include_pad: bool) -> Tensor:  # fmt: skip
    """The mean of each window, its sum by hand: `pad` above and to the left, `end` below and to the right."""
    sides = (pad[1], end[1], pad[0], end[0])
    counted = F.pad(torch.ones_like(x), sides, value=float(count_include_pad))
    area = (1, 1, *kernel_size)
    sums = F.conv2d(F.pad(x, sides).flatten(0, 1)[:, None], torch.ones(area), stride=tuple(stride))
    counts = F.conv2d(counted.flatten(0, 1)[:, None], torch.ones(area), stride=tuple(stride))
    return (sums / counts).unflatten(0, x.shape[:2])[:, :, 0]


def max_pool_between(x: Tensor, kernel_size: list[int], stride: list[int], pad: list[int], end: list[int]) -> Tensor:
    """The largest value of each window, with different padding on each side."""
    return F.max_pool2d(F.pad(x, (pad[1], end[1], pad[0], end[0]), value=-torch.inf), kernel_size, stride)


def add_slopes_maxima_and_margins(cases: Cases) -> None:
    x = {"x": torch.randn(2, 3, 7, 10) - 2}
    cases.add("prelu", "prelu", F.prelu, x, {"weight": torch.tensor([0.3, -0.5, 1.5])})
    cases.add("prelu_shared", "prelu", F.prelu, x, {"weight": torch.tensor([0.2])})
    cases.add("log_softmax_channels", "log_softmax", F.log_softmax, x, dim=1)
    cases.add("log_softmax_width", "log_softmax", F.log_softmax, x, dim=3)
    cases.add("amax_channels", "amax", torch.amax, x, dim=(1,), keepdim=True)
    cases.add("amax_height", "amax", torch.amax, x, dim=(2,), keepdim=True)
    cases.add("amax_all", "amax", torch.amax, x, dim=(1, 2, 3), keepdim=True)
    sides = {"kernel_size": (3, 4), "stride": (2, 3), "pad": (0, 1), "end": (1, 2)}
    cases.add("max_pool2d_between", "max_pool2d", max_pool_between, x, **sides)
    for counts in (False, True):
        name = f"avg_pool2d_between{'' if counts else '_without_padding'}"
        cases.add(name, "avg_pool2d", average_pool_between, x, **sides, count_include_pad=counts)
    cases.add("pad_value", "pad", F.pad, x, pad=(1, 2, 3, 0), value=-1.5)


def add_rounding(cases: Cases) -> None:
    x = {"x": torch.randn(2, 3, 5, 6)}
    for name, zero, low, high in [("int8", 0, -128, 127), ("uint8", 117, 0, 255)]:
        cases.add(f"quantize_{name}", "quantize", torch.fake_quantize_per_tensor_affine, x, scale=0.015625,
                  zero_point=zero, quant_min=low, quant_max=high)  # fmt: skip


def transposed(x: Tensor, weight: Tensor, bias: Tensor | None = None, groups: int = 1, **settings: Any) -> Tensor:
    """A transposed convolution whose weight has its units first, as Thresh keeps it."""
    inputs_first = weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return F.conv_transpose2d(x, inputs_first, bias, groups=groups, **settings)


def add_resizing_and_groups(cases: Cases) -> None:
    x = {"x": torch.randn(2, 4, 5, 7)}
    for name, scale in [("double", (2.0, 2.0)), ("uneven", (2.6, 1.3)), ("small", (0.5, 0.4))]:
        size = tuple(int(side * by) for side, by in zip(x["x"].shape[2:], scale))
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
            for aligns in (False, True) if mode.startswith("bi") else (None,):
                suffix = f"{mode.replace('-', '_')}_{name}{'_aligned' if aligns else ''}"

                def resized(x: Tensor, size: list[int] | None = None, mode: str = mode, aligns: bool | None = aligns,
                            scale: tuple[float, float] | None = None) -> Tensor:  # fmt: skip
                    return F.interpolate(x, size=size, scale_factor=scale, mode=mode, align_corners=aligns)

                operation = f"{mode}{'_aligned' if aligns else ''}"
                cases.add(f"resize_{suffix}", operation, resized, x, size=size)
                if mode != "nearest-exact":
                    cases.add(f"resize_{suffix}_by_scale", operation, lambda x, vertical, horizontal, resized=resized:
                              resized(x, scale=(vertical, horizontal)), x, vertical=scale[0],
                              horizontal=scale[1])  # fmt: skip
    usual = {"stride": (1, 1), "padding": (0, 0), "output_padding": (0, 0), "dilation": (1, 1), "groups": 1}
    for name, weight, bias, settings in [
        ("plain", (6, 4, 3, 3), True, {}),
        ("strided", (6, 4, 3, 2), False, {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2)}),
        ("dilated", (5, 4, 2, 3), True, {"stride": (1, 2), "padding": (1, 1), "dilation": (2, 1)}),
        ("grouped", (6, 2, 4, 4), True, {"stride": (2, 2), "padding": (1, 1), "groups": 2}),
        ("depthwise", (4, 1, 2, 2), False, {"stride": (2, 2), "groups": 4}),
    ]:
        parameters = {"weight": torch.randn(weight) / 3} | ({"bias": torch.randn(weight[0])} if bias else {})
        cases.add(f"transposed_{name}", "transposed", transposed, x, parameters, **usual | settings)
    affine = {"weight": torch.randn(4), "bias": torch.randn(4)}
    for groups in (1, 2, 4):
        cases.add(f"group_norm_{groups}", "group_norm", lambda x, weight, bias, groups, eps:
                  F.group_norm(x, groups, weight, bias, eps), x, affine, groups=groups, eps=1e-3)  # fmt: skip
    cases.add("group_norm_bare", "group_norm", lambda x, groups, eps: F.group_norm(x, groups, eps=eps), x,
              groups=2, eps=1e-5)  # fmt: skip
    for name, function in {"softplus": F.softplus, "mish": F.mish, "exp": torch.exp, "abs": torch.abs}.items():
        cases.add(name, name, function, x)
    cases.add("log", "log", torch.log, {"x": x["x"].abs() + 0.1})


def make_operations() -> None:
    """Names of settings are PyTorch's; `pad` counts from the last dimension: left, right, top, bottom, front, back."""
    torch.manual_seed(9)
    cases = Cases()
    for add in (add_layers, add_activations, add_pooling, add_joining_and_shaping, add_slopes_maxima_and_margins,
                add_rounding, add_resizing_and_groups):  # fmt: skip
        add(cases)
    write("operations", {"cases": cases.cases}, cases.tensors)
