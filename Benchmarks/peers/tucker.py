"""Tucker decomposition of the pretrained weights by TensorLy-Torch (https://tensorly.org/torch, BSD-3-Clause).

Each k×k convolution becomes its factorized layer: 1×1 to fewer channels, a small k×k core, 1×1 back (Kim et al.,
arXiv 1511.06530), the spatial axes whole. Every layer keeps the same share of its parameters, found by bisection so
that the target MACs are left; the layers stay the library's own, with its own forward.
"""

import copy
import warnings

import torch
from torch import nn

from peers import cost, low_rank
from peers.training import Task

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # on import: of its complex tensors, which are not used here
    import tltorch


def compress(model: nn.Module, task: Task) -> nn.Module:
    limit = task.macs * cost.macs(model)
    # Ranks alone decide the cost, so the search leaves the decomposition out.
    share = cost.largest(lambda share: factorized(model, share, decompose=False), limit)
    return factorized(model, share, decompose=True)


def factorized(model: nn.Module, share: float, decompose: bool) -> nn.Module:
    model = copy.deepcopy(model)
    for name, convolution in low_rank.convolutions(model).items():
        layer = tltorch.FactorizedConv.from_conv(
            convolution,
            rank=share,
            factorization="tucker",
            implementation="factorized",
            fixed_rank_modes="spatial",
            decompose_weights=decompose,
        )
        model.set_submodule(name, layer)
    return model.to(memory_format=torch.channels_last)
