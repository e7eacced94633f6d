"""Torch-Pruning's magnitude pruning (Fang et al., DepGraph, CVPR 2023; https://github.com/VainF/Torch-Pruning, MIT).

Whole channels go at once, over all layers the groups of coupled channels of the smallest norm, until the target MACs
are left; nothing is trained before. See group_norm_pruning.py for its way with shortcuts, and for the slower recipe.
"""

import torch
import torch_pruning
from torch import nn

from peers import cost
from peers.group_norm_pruning import STEPS, give_shortcuts_layers, until


def pruned(model: nn.Module, macs: float) -> nn.Module:
    """The network with at most that share of its MACs."""
    limit = macs * cost.macs(model)
    give_shortcuts_layers(model)
    pruner = torch_pruning.pruner.MagnitudePruner(
        model,
        torch.zeros(1, 3, 32, 32),
        torch_pruning.importance.GroupMagnitudeImportance(2, normalizer="mean"),
        global_pruning=True,
        pruning_ratio=1.0,
        iterative_steps=STEPS,
        ignored_layers=[model.linear],
    )
    return until(limit, model, pruner)
