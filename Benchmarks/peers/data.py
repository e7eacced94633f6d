"""CIFAR-10 for the PyTorch peer: images in memory, and the two ways to augment them that people use."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

# Statistics of the CIFAR-10 training images, per channel, for pixels in 0…1.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)
MARGIN = 4
RECORD = 1 + 3 * 32 * 32  # a label, then the pixels

Triple = tuple[float, float, float]
Batches = Iterator[tuple[Tensor, Tensor]]


def images(folder: str | None, count: int, files: str = "data_batch_*.bin") -> tuple[Tensor, Tensor]:
    """The first `count` images (uint8, N×3×32×32) and labels of CIFAR-10; made-up ones where there is no folder.

    Made-up images take exactly as long to augment and to learn from, so timings do not depend on the data.
    """
    if folder is None:
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return pixels, torch.randint(0, 10, (count,), generator=generator)
    found = sorted(Path(folder).glob(files))
    if not found:
        raise FileNotFoundError(f"{folder} has no {files}; give the folder of CIFAR-10's binary version")
    records = np.empty((0, RECORD), np.uint8)
    for file in found:  # only what is asked for: the driver compares peak memory too
        wanted = (count - len(records)) * RECORD
        records = np.concatenate([records, np.fromfile(file, np.uint8, wanted).reshape(-1, RECORD)])
    if len(records) < count:
        raise ValueError(f"{folder} has {len(records)} images in {files}, expected at least {count}")
    return torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(records[:, 0].astype(int))


def records(pixels: Tensor, labels: Tensor) -> bytes:
    """Images in the format that `images` reads."""
    return torch.cat([labels.to(torch.uint8).unsqueeze(1), pixels.flatten(1)], 1).numpy().tobytes()


def normalized(pixels: Tensor, mean: Triple = MEAN, std: Triple = STD) -> Tensor:
    """Bytes as float32 with the given statistics, channels-last."""
    scaled = (pixels - torch.tensor(mean).view(3, 1, 1) * 255) / (torch.tensor(std).view(3, 1, 1) * 255)
    return scaled.contiguous(memory_format=torch.channels_last)


def in_memory(pixels: Tensor, labels: Tensor, batch: int, mean: Triple = MEAN, std: Triple = STD) -> Batches:
    """The fair loop: one gather per batch crops, flips and normalises all of its images at once."""
    padded = torch.nn.functional.pad(pixels, (MARGIN,) * 4)
    channels = torch.arange(3).view(1, 3, 1, 1)
    order = torch.randperm(len(pixels))
    for start in range(0, len(order) - batch + 1, batch):
        chosen = order[start : start + batch]
        corner = torch.randint(0, 2 * MARGIN + 1, (2, batch, 1))
        rows = corner[0] + torch.arange(32)
        columns = corner[1] + torch.arange(32)
        columns = torch.where(torch.rand(batch, 1) < 0.5, columns.flip(1), columns)
        crops = padded[chosen.view(-1, 1, 1, 1), channels, rows.view(-1, 1, 32, 1), columns.view(-1, 1, 1, 32)]
        yield normalized(crops, mean, std), labels[chosen]


class AugmentedImages(Dataset[tuple[Tensor, int]]):
    """One image at a time through Pillow, step by step what torchvision's CIFAR10 and its transforms do:
    RandomCrop(32, padding=4), RandomHorizontalFlip, ToTensor, Normalize.

    Written out because PyPI's torchvision is built for CUDA and cannot be imported beside a CPU build of PyTorch.
    """

    def __init__(self, pixels: Tensor, labels: Tensor) -> None:
        self.pixels = pixels.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = labels.tolist()
        self.mean = torch.tensor(MEAN).view(3, 1, 1)
        self.std = torch.tensor(STD).view(3, 1, 1)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image, ImageOps  # only this way of loading needs Pillow

        image = ImageOps.expand(Image.fromarray(self.pixels[index]), MARGIN)
        left, top = torch.randint(0, 2 * MARGIN + 1, (2,)).tolist()
        image = image.crop((left, top, left + 32, top + 32))
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return tensor.sub_(self.mean).div_(self.std), self.labels[index]


def data_loader(pixels: Tensor, labels: Tensor, batch: int) -> DataLoader[tuple[Tensor, int]]:
    """The usual loop: a DataLoader with two workers that stay alive between epochs."""
    dataset = AugmentedImages(pixels, labels)
    return DataLoader(dataset, batch, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
