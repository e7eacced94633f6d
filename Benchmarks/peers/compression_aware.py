"""The paper's method as one would write it in PyTorch: Alvarez & Salzmann, Compression-aware Training of Deep
Networks, NIPS 2017 (arXiv 1711.02638).

SGD on the loss, and once an epoch the proximal operators of the nuclear norm and of the group lasso on the same
weights, one after the other; then zero units go and what has low rank is factorised. Written from the formulas, not
from the authors' program.

Two things are ours. Thresholds are shares of the layer's mean singular value and mean unit norm at that time, because
under batch norm an absolute one means something else in every layer; and units go only between the two convolutions of
a block, where nothing else reads them.
"""

import torch
from torch import Tensor, nn

from peers import cost, low_rank
from peers.models import ResidualBlock
from peers.training import WEIGHT_DECAY, Task, constant, train

# Chosen on the pretrained weights before any training: one nuclear threshold of a half leaves ranks that keep 73 % of
# the parameters at 90 % of the energy, one of a whole 33 %.
NUCLEAR, GROUP = 0.5, 0.2


def compress(model: nn.Module, task: Task) -> nn.Module:
    limit = task.macs * cost.macs(model)
    train(model, task, task.epochs, constant, WEIGHT_DECAY, after_epoch=lambda: regularize(model))
    remove_zero_units(model)
    energy = cost.largest(lambda share: low_rank.truncated(model, share), limit)
    return low_rank.truncated(model, energy)


def regularize(model: nn.Module) -> None:
    for convolution in low_rank.convolutions(model).values():
        theta = nuclear_prox(low_rank.unfolded(convolution), NUCLEAR)
        low_rank.fold(convolution, group_prox(theta, GROUP))


def nuclear_prox(theta: Tensor, share: float) -> Tensor:
    """U diag((σ − t)₊) Vᵀ with t a share of the mean of σ."""
    u, sigma, vt = torch.linalg.svd(theta, full_matrices=False)
    return u * (sigma - share * sigma.mean()).clamp(min=0) @ vt


def group_prox(theta: Tensor, share: float) -> Tensor:
    """(1 − t/‖θⁿ‖)₊ θⁿ for every column θⁿ, with t a share of the mean of the norms."""
    norms = theta.norm(dim=0)
    return theta * (1 - share * norms.mean() / norms.clamp(min=1e-30)).clamp(min=0)


def remove_zero_units(model: nn.Module) -> None:
    """Takes out units of a block's first convolution that are zero.

    Batch norm makes a constant of them, which the second convolution would see; fine-tuning makes up for it.
    """
    for block in model.modules():
        if isinstance(block, ResidualBlock):
            active = block.conv1.weight.data.flatten(1).any(1).nonzero().flatten()
            if 0 < len(active) < block.conv1.out_channels:
                _narrow(block, active)


def _narrow(block: ResidualBlock, active: Tensor) -> None:
    first, norm, second = block.conv1, block.bn1, block.conv2
    first.weight = nn.Parameter(first.weight.data[active])
    second.weight = nn.Parameter(second.weight.data[:, active])
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name).data[active]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[active])
    first.out_channels = second.in_channels = norm.num_features = len(active)
