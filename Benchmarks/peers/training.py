"""What the compared methods share: the network, the images, and how both are trained and measured."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from peers import data, models

# The given ResNets were trained with ImageNet's statistics.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 128
WEIGHT_DECAY = 5e-4
# Weight decay on the two factors of a matrix is a nuclear norm on their product, so the compact networks get a tenth.
FINETUNE_DECAY = WEIGHT_DECAY / 10
RECALIBRATION_BATCHES = 60
# A teacher's share of the loss, and how far its probabilities are evened out: Thresh's defaults.
DISTILLATION, TEMPERATURE = 0.7, 4.0

Schedule = Callable[[float], float]


def constant(_: float) -> float:
    return 1.0


def cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Task:
    """What every method is given."""

    weights: Path
    """Of a ResNet-20 for CIFAR-10, safetensors."""
    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    macs: float
    """The share of the dense network's MACs that may be left."""
    epochs: int
    """With a regulariser, if the method has one; else they are added to the fine-tuning."""
    finetune_epochs: int
    lr: float
    seed: int

    def network(self) -> nn.Module:
        """The dense network with the pretrained weights."""
        model = models.build("resnet20", 3, 10, 32)
        models.load(model, load_file(self.weights))
        return model.to(memory_format=torch.channels_last)

    def batches(self) -> data.Batches:
        """One epoch in random order: cropped with a margin of 4, flipped half of the time, normalised."""
        return data.in_memory(self.images, self.labels, BATCH, MEAN, STD)


def train(
    model: nn.Module,
    task: Task,
    epochs: int,
    schedule: Schedule,
    decay: float,
    after_backward: Callable[[], None] = lambda: None,
    after_epoch: Callable[[], None] = lambda: None,
    teacher: nn.Module | None = None,
) -> None:
    """SGD with momentum 0.9, Nesterov; a method's regulariser comes in through `after_backward` and `after_epoch`."""
    optimizer = torch.optim.SGD(model.parameters(), task.lr, momentum=0.9, nesterov=True, weight_decay=decay)
    steps = len(task.labels) // BATCH
    model.train()
    if teacher:
        teacher.eval()
    for epoch in range(epochs):
        loss = torch.tensor(0.0)
        for step, (images, labels) in enumerate(task.batches()):
            optimizer.param_groups[0]["lr"] = task.lr * schedule((epoch + step / steps) / epochs)
            logits = model(images)
            loss = F.cross_entropy(logits, labels)
            if teacher:
                with torch.no_grad():
                    taught = teacher(images)
                loss = (1 - DISTILLATION) * loss + DISTILLATION * distance(logits, taught)
            loss.backward()
            after_backward()
            optimizer.step()
            optimizer.zero_grad()
        if not loss.isfinite():
            raise ValueError(f"the loss is no number after epoch {epoch + 1}; choose a lower --lr")
        after_epoch()
        print(f"  epoch {epoch + 1}/{epochs}, last loss {loss.item():.3f}", file=sys.stderr, flush=True)


def distance(logits: Tensor, teacher: Tensor) -> Tensor:
    """T²·KL(softmax(teacher/T) ‖ softmax(logits/T)) of Hinton, Vinyals & Dean 2015, arXiv 1503.02531, section 2."""
    own, wanted = (F.log_softmax(values / TEMPERATURE, 1) for values in (logits, teacher))
    return F.kl_div(own, wanted, reduction="batchmean", log_target=True) * TEMPERATURE**2


@torch.no_grad()
def recalibrate(model: nn.Module, task: Task) -> None:
    """Measures batch norm's statistics again, as the mean over some training batches."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's way to ask for a plain mean
    model.train()
    for (images, _), _ in zip(task.batches(), range(RECALIBRATION_BATCHES)):
        model(images)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum


@torch.inference_mode()
def top1(model: nn.Module, task: Task) -> float:
    """Percent of the test images."""
    model.eval()
    right = 0
    for pixels, labels in zip(task.test_images.split(500), task.test_labels.split(500)):
        right += int((model(data.normalized(pixels, MEAN, STD)).argmax(1) == labels).sum())
    return 100 * right / len(task.test_labels)
