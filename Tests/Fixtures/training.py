"""Five steps of stochastic gradient descent: the loss before each, the parameters after the last."""

from typing import Any

import torch
import torch.nn.functional as F
from fixture import Tensors, write
from peers import models
from torch import Tensor


def make_class_weights() -> None:
    """Cross-entropy with a weight for each class, its gradient, and the weights that scikit-learn calls balanced."""
    torch.manual_seed(11)
    logits, labels = torch.randn(7, 4, dtype=torch.float64), torch.tensor([0, 1, 1, 2, 3, 3, 3])
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
    cases = []
    for smoothing in (0.0, 0.1):
        leaf = logits.clone().requires_grad_()
        loss = F.cross_entropy(leaf, labels, weights, label_smoothing=smoothing)
        loss.backward()
        summed = F.cross_entropy(logits, labels, weights, label_smoothing=smoothing, reduction="sum")
        cases.append({"smoothing": smoothing, "loss": loss.item(), "sum": summed.item(),
                      "gradient": leaf.grad.flatten().tolist()})  # fmt: skip
    # sklearn.utils.class_weight.compute_class_weight: n_samples / (n_classes * bincount(y))
    balanced = (len(labels) / (4 * torch.bincount(labels).double())).tolist()
    write("class_weights", {"logits": logits.flatten().tolist(), "labels": labels.tolist(),
                            "weights": weights.tolist(), "cases": cases, "balanced": balanced})  # fmt: skip


def train(dtype: torch.dtype, initial: Tensors, images: Tensor, labels: Tensor, settings: dict[str, Any]) -> tuple:
    """The loss before each step, and the parameters after the last."""
    model = models.lenet5(1, 10, 28).to(dtype)
    models.load(model, initial)
    optimizer = torch.optim.SGD(
        model.parameters(), settings["lr"], settings["momentum"], weight_decay=settings["weight_decay"],
        nesterov=settings["nesterov"], foreach=False, fused=False,
    )  # fmt: skip
    losses = []
    for _ in range(settings["steps"]):
        loss = F.cross_entropy(model(images.to(dtype)), labels, label_smoothing=settings["label_smoothing"])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses, models.state(model)


def make_training() -> None:
    """LeNet-5 on one batch; weight decay acts on every parameter, biases too, as `weight_decay` in PyTorch does."""
    torch.manual_seed(10)
    settings = {"model": "lenet5", "in_channels": 1, "classes": 10, "image": 28, "batch": 8, "steps": 5, "lr": 0.1,
                "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "label_smoothing": 0.1}  # fmt: skip
    initial = {name: value.clone() for name, value in models.state(models.lenet5(1, 10, 28)).items()}
    images, labels = torch.randn(8, 1, 28, 28), torch.randint(0, 10, (8,))
    tensors = {"input": images, "labels": labels} | {f"initial.{name}": value for name, value in initial.items()}
    runs = []
    for name, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        losses, final = train(dtype, initial, images, labels, settings)
        # Seven digits are what the tests look at; the second half of a double would be bytes for nothing.
        tensors |= {f"{name}.final.{key}": value.float() for key, value in final.items()}
        runs.append({"dtype": name, "losses": losses, "final_prefix": f"{name}.final."})
    names = {"input": "input", "labels": "labels", "initial_prefix": "initial."}
    write("training", settings | names | {"runs": runs}, tensors)
