"""Truncation of the pretrained weights, and nothing else: what training for compression has to beat.

Every layer keeps the same share of its energy Σσ, found by bisection so that the target MACs are left.
"""

from torch import nn

from peers import cost, low_rank
from peers.training import Task


def compress(model: nn.Module, task: Task) -> nn.Module:
    limit = task.macs * cost.macs(model)
    energy = cost.largest(lambda share: low_rank.truncated(model, share), limit)
    return low_rank.truncated(model, energy)
