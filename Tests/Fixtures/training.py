"""Five steps of stochastic gradient descent: the loss before each, the parameters after the last."""

from typing import Any

import torch
import torch.nn.functional as F
from fixture import Tensors, write
from peers import models
from torch import Tensor


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
