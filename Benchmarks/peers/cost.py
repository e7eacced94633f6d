"""What a network costs, counted the same way for every method, and the search for a network of a target cost."""

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BISECTIONS = 14


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@torch.inference_mode()
def macs(model: nn.Module) -> int:
    """Multiplications of convolutions and linear layers for one image of CIFAR's size."""
    model.eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 32, 32))
    return counter.get_total_flops() // 2


def largest(make: Callable[[float], nn.Module], limit: float) -> float:
    """The largest share between 0 and 1 whose network has at most `limit` MACs, found by bisection."""
    if macs(make(1.0)) <= limit:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if macs(make(middle)) <= limit else (low, middle)
    if low == 0:
        raise ValueError(f"no setting comes down to {limit:.0f} MACs; ask for a larger --macs")
    return low


@torch.inference_mode()
def milliseconds(networks: dict[str, nn.Module], batch: int, rounds: int, calls: int) -> dict[str, list[float]]:
    """Per image, of each network in each round; they take turns, so that whatever disturbs the machine disturbs all."""
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    times: dict[str, list[float]] = {name: [] for name in networks}
    for network in networks.values():
        network.eval()
        for _ in range(calls):  # to warm up
            network(images)
    for _ in range(rounds):
        for name, network in networks.items():
            start = time.perf_counter()
            for _ in range(calls):
                network(images)
            times[name].append((time.perf_counter() - start) * 1000 / calls / batch)
    return times
