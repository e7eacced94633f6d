"""The proximal operators of both regularisers, in float64, by the textbook formula."""

import math

import torch
from fixture import Tensors, write
from torch import Tensor


def soft(x: Tensor, t: float) -> Tensor:
    return x.sign() * (x.abs() - t).clamp(min=0)


def singular_value_threshold(w: Tensor, t: float) -> Tensor:
    """U diag((σ − t)₊) Vᵀ, the prox of t‖W‖_*."""
    u, sigma, v = torch.linalg.svd(w, full_matrices=False)
    return u @ torch.diag((sigma - t).clamp(min=0)) @ v


def partial_threshold(w: Tensor, rank: int, share: float) -> Tensor:
    """The first `rank` singular values as they are, those behind lowered by t = share·σ_{rank+1}: the prox of
    t·Σ_{j>rank} σ_j."""
    u, sigma, v = torch.linalg.svd(w, full_matrices=False)
    tail = sigma[rank:]
    return u @ torch.diag(torch.cat([sigma[:rank], (tail - share * tail.max()).clamp(min=0)])) @ v


def group_threshold(w: Tensor, t: float, alpha: float) -> Tensor:
    """Prox of t((1−α)√P Σ‖row‖₂ + α‖W‖₁): a row is one unit of P weights; α = 0 is the group lasso, 1 is ℓ1."""
    shrunk = soft(w, t * alpha)
    norms = shrunk.norm(dim=1, keepdim=True)
    scale = (1 - t * (1 - alpha) * math.sqrt(w.shape[1]) / norms).clamp(min=0)
    return torch.where(norms > 0, scale * shrunk, 0.0)


def matrices() -> Tensors:
    """N×S, one row a unit, as `weight.flatten(1)`; σ = 3, 3, 3, 1, 1 where they repeat."""
    random = {f"{n}x{s}": torch.randn(n, s, dtype=torch.float64) for n, s in ((8, 5), (5, 8), (16, 27), (64, 192))}
    left, right = torch.randn(32, 6, dtype=torch.float64), torch.randn(6, 160, dtype=torch.float64)
    u, _, v = torch.linalg.svd(torch.randn(8, 5, dtype=torch.float64), full_matrices=False)
    repeated = u @ torch.diag(torch.tensor([3.0, 3, 3, 1, 1], dtype=torch.float64)) @ v
    zero = torch.zeros(6, 9, dtype=torch.float64)
    return random | {"32x160_rank_6": left @ right / 3, "zero_6x9": zero, "repeated_8x5": repeated}


def make_proximal() -> None:
    """`penalty` is the regulariser of the matrix itself, t left out; ranks count σ > 1e-10 of what comes out."""
    torch.manual_seed(11)
    tensors = {f"{name}.matrix": w for name, w in matrices().items()}
    cases = []

    def add(name: str, kind: str, t: float, alpha: float, result: Tensor, penalty: Tensor) -> None:
        key = f"{name}.{kind}.{sum(c['matrix'] == f'{name}.matrix' and c['kind'] == kind for c in cases)}"
        tensors[key] = result
        cases.append({"matrix": f"{name}.matrix", "kind": kind, "threshold": t, "alpha": alpha, "result": key,
                      "penalty": penalty.item(), "rank": int((torch.linalg.svdvals(result) > 1e-10).sum()),
                      "zero_rows": int((result == 0).all(1).sum())})  # fmt: skip

    for name, w in matrices_of(tensors).items():
        for share in [0.3] if w.numel() > 4000 else [0.3, 1.0]:
            kept = 3 if name == "repeated_8x5" else min(w.shape) // 2  # no equal values on both sides
            add(name, "partial", share, 0.0, partial_threshold(w, kept, share), torch.linalg.svdvals(w)[kept:].sum())
            cases[-1]["kept"] = kept
        sigma = torch.linalg.svdvals(w)
        largest, middle = sigma[0].item(), sigma.mean().item()
        wide = w.numel() > 4000  # one threshold is enough for the large ones: they fill the file
        for t in [0.5 * middle] if wide else [0.3 * middle, 0.9 * middle, 1.01 * largest] if largest > 0 else [0.5]:
            assert largest == 0 or (sigma - t).abs().min() > 1e-3 or t > largest, "a singular value sits on t"
            add(name, "nuclear", t, 0.0, singular_value_threshold(w, t), sigma.sum())
        unit = (w.norm(dim=1).median() / math.sqrt(w.shape[1])).item() or 0.5
        for alpha, share in [(0.3, 0.9)] if wide else [(0.0, 1.0), (0.3, 0.9), (1.0, 0.7)]:
            t = share * unit
            penalty = (1 - alpha) * math.sqrt(w.shape[1]) * w.norm(dim=1).sum() + alpha * w.abs().sum()
            add(name, "group", t, alpha, group_threshold(w, t, alpha), penalty)
    write("proximal", {"cases": cases}, tensors)


def matrices_of(tensors: Tensors) -> Tensors:
    return {key.removesuffix(".matrix"): value for key, value in tensors.items() if key.endswith(".matrix")}
