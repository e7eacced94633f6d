"""Low rank by the singular value decomposition, for the methods that end with it.

A convolution of C inputs and N units becomes the matrix Θ of S×N, S = C·d_h·d_w, one column a unit; kept to rank r
it is two convolutions, r filters of the original size and a 1×1 to N units (Alvarez & Salzmann, arXiv 1711.02638).
"""

import copy

import torch
from torch import Tensor, nn


def unfolded(convolution: nn.Conv2d) -> Tensor:
    """Θ, S×N, in float64."""
    return convolution.weight.detach().double().flatten(1).T


def fold(convolution: nn.Conv2d, theta: Tensor) -> None:
    """Gives a convolution the weights of Θ."""
    convolution.weight.data.copy_(theta.T.reshape(convolution.weight.shape))


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """All but the first, by name; that one sees three channels and has nothing to give."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    return dict(list(found.items())[1:])


def truncated(model: nn.Module, energy: float) -> nn.Module:
    """A copy whose layers keep the smallest rank with this share of Σσ, or stay whole where two would be no smaller."""
    model = copy.deepcopy(model)
    for name, convolution in convolutions(model).items():
        u, sigma, vt = torch.linalg.svd(unfolded(convolution), full_matrices=False)
        share = sigma.cumsum(0) / sigma.sum()
        # At least one, and not one more for a share that is only rounded below the target.
        rank = min(int((share < energy - 1e-12).sum()) + 1, len(sigma))
        if rank * (u.shape[0] + vt.shape[1]) < convolution.weight.numel():
            model.set_submodule(name, _pair(convolution, u[:, :rank], sigma[:rank], vt[:rank]))
    return model.to(memory_format=torch.channels_last)


def _pair(whole: nn.Conv2d, u: Tensor, sigma: Tensor, vt: Tensor) -> nn.Sequential:
    """Θ ≈ (U√Σ)(√ΣVᵀ): both factors as large, so that one rate suits both."""
    root = sigma.sqrt()
    first = nn.Conv2d(whole.in_channels, len(root), whole.kernel_size, whole.stride, whole.padding, bias=False)
    second = nn.Conv2d(len(root), whole.out_channels, 1, bias=whole.bias is not None)
    fold(first, u * root)
    fold(second, root.unsqueeze(1) * vt)
    if whole.bias is not None:
        second.bias.data.copy_(whole.bias.data)
    return nn.Sequential(first, second)
