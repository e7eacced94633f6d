"""Singular value thresholding of a network's matrices, in the forms that a GPU may do fast: a worker (README.md).

`form`: `svd` by torch.linalg.svd; `gram` by the eigenvalues of W·Wᵀ in float64, as Thresh does; `sign`, matrix products
alone: ½·(I + sign(W·Wᵀ − t²·I))·(W − t·polar(W)), both by Newton–Schulz iterations.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from peers import models, worker  # the line above makes it importable when this runs as a script

STRENGTH = 0.01  # of a matrix's mean singular value, as a large step of a training


def matrices(request: dict[str, Any]) -> list[Tensor]:
    """The weights of all layers but the first convolution and the classifier, a row for each unit."""
    torch.manual_seed(0)
    model = models.build(request["model"], 3, worker.CLASSES, worker.image_size(request))
    weights = [p.detach().flatten(1) for p in model.parameters() if p.dim() == 4][1:]
    return [w.to(request.get("device", "cpu")) for w in weights]


def svd(matrix: Tensor, threshold: Tensor) -> Tensor:
    u, sigma, v = torch.linalg.svd(matrix, full_matrices=False)
    return (u * (sigma - threshold).clamp(min=0)) @ v


def gram(matrix: Tensor, threshold: Tensor) -> Tensor:
    wide = matrix.double()
    is_wide = matrix.shape[0] <= matrix.shape[1]
    squares, basis = torch.linalg.eigh(wide @ wide.T if is_wide else wide.T @ wide)
    sigma = squares.clamp(min=0).sqrt()
    kept = torch.where(sigma > threshold, 1 - threshold / sigma, 0)
    projector = ((basis * kept) @ basis.T).to(matrix.dtype)
    return projector @ matrix if is_wide else matrix @ projector


def sign(matrix: Tensor, threshold: Tensor) -> Tensor:
    if matrix.shape[0] > matrix.shape[1]:
        return sign(matrix.T, threshold).T
    polar = _newton_schulz(matrix)
    eye = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    above = _newton_schulz(matrix @ matrix.T - threshold**2 * eye)
    return (eye + above) @ (matrix - threshold * polar) / 2


def _newton_schulz(matrix: Tensor, iterations: int = 30) -> Tensor:
    """U·Vᵀ, of a symmetric matrix its sign: x ← x·(3 − x²)/2 for every singular value, from below 1."""
    x = matrix / torch.linalg.matrix_norm(matrix)
    for _ in range(iterations):
        x = 1.5 * x - 0.5 * (x @ x.T) @ x
    return x


FORMS = {"svd": svd, "gram": gram, "sign": sign}


def prepare(request: dict[str, Any]) -> tuple[Callable[[], None], dict[str, Any]]:
    torch.set_num_threads(request["threads"])
    weights = matrices(request)
    thresholds = [STRENGTH * torch.linalg.svdvals(w).mean() for w in weights]
    form, device = FORMS[request["form"]], torch.device(request.get("device", "cpu"))

    def apply(form: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
        found = [form(w, t) for w, t in zip(weights, thresholds, strict=True)]
        worker.synchronize(device)
        return found

    exact = [svd(w.double(), t.double()) for w, t in zip(weights, thresholds, strict=True)]
    error = max(float((a - b).norm() / b.norm()) for a, b in zip(apply(form), exact, strict=True))
    return partial(apply, form), {"framework": f"PyTorch {torch.__version__}, off by {error:.1e} of SVD in float64"}


if __name__ == "__main__":
    worker.main(prepare)
