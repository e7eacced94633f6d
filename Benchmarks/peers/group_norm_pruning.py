"""Torch-Pruning's group-norm pruning (Fang et al., DepGraph, CVPR 2023; https://github.com/VainF/Torch-Pruning, MIT).

Its GroupNormPruner pulls coupled channels towards zero while the network trains, then the weakest go, over all layers,
until the target MACs are left: the recipe `group_sl` of its folder `reproduce`, for CIFAR-10.

Its dependency graph takes channel padding for an elementwise operation, so that a shortcut of option A ties channels
that do not belong together, and the pruned network does not run. The shortcuts are therefore given to it as fixed 1×1
convolutions, and turned back after.
"""

import copy

import torch
import torch.nn.functional as F
import torch_pruning
from torch import Tensor, nn

from peers import cost
from peers.models import ResidualBlock
from peers.training import Task, constant, train

# Its regularisation of 5e-4 in 100 epochs at rate 0.01, a tenth after 60 and again after 80, comes to this; a shorter
# training gets as much of it in fewer steps.
REGULARIZATION = 5e-4 * 0.01 * (60 + 20 * 0.1 + 20 * 0.01)
STEPS = 400


def compress(model: nn.Module, task: Task) -> nn.Module:
    limit = task.macs * cost.macs(model)
    give_shortcuts_layers(model)
    importance = torch_pruning.importance.GroupMagnitudeImportance(2, normalizer="max")
    pruner = torch_pruning.pruner.GroupNormPruner(
        model,
        torch.zeros(1, 3, 32, 32),
        importance,
        reg=REGULARIZATION / (task.epochs * task.lr),
        global_pruning=True,
        pruning_ratio=1.0,
        iterative_steps=STEPS,
        ignored_layers=[model.linear],
    )
    # In that recipe the regulariser takes the place of weight decay.
    train(model, task, task.epochs, constant, 0, after_backward=lambda: pruner.regularize(model))
    return until(limit, model, pruner)


def give_shortcuts_layers(model: nn.Module) -> None:
    for name, block in list(model.named_modules()):
        if isinstance(block, ResidualBlock) and block.pads:
            model.set_submodule(name, ShortcutBlock(block))


def until(limit: float, model: nn.Module, pruner: torch_pruning.pruner.BasePruner) -> nn.Module:
    """A copy of the network once the pruner has left that many MACs in it."""
    model.eval()
    compact = with_selections(model)
    while cost.macs(compact) > limit:
        if pruner.current_step == STEPS:
            raise ValueError(f"{cost.macs(compact)} MACs are left and nothing more can go; ask for a larger --macs")
        pruner.step()
        compact = with_selections(model)
    return compact.to(memory_format=torch.channels_last)


class ShortcutBlock(nn.Module):
    """A residual block whose shortcut is a layer, under the same names."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = block.conv1, block.bn1, block.conv2, block.bn2
        inputs, units = block.conv1.in_channels, block.conv2.out_channels
        self.shortcut = nn.Conv2d(inputs, units, 1, stride=2, bias=False).requires_grad_(False)
        self.shortcut.weight.zero_()[block.pads : block.pads + inputs, :, 0, 0] = torch.eye(inputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Selection(nn.Module):
    """A 1×1 convolution of ones and zeros without its multiplications: every second pixel, and for every unit the
    channel that it repeats, or zeros."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        ones, channels = convolution.weight.detach().flatten(1).max(1)
        self.register_buffer("channels", torch.where(ones > 0, channels, convolution.in_channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 1)).index_select(1, self.channels)


def with_selections(model: nn.Module) -> nn.Module:
    model = copy.deepcopy(model)
    for block in model.modules():
        if isinstance(block, ShortcutBlock):
            block.shortcut = Selection(block.shortcut)
    return model
