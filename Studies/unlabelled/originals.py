"""Two networks that have something to lose, and no labels for whoever makes them smaller: a super-resolution network
and a U-Net, trained here with PyTorch and exported to ONNX.

    python originals.py PHOTOGRAPHS FOLDER

PHOTOGRAPHS holds train/…/*.jpg and test/…/*.jpg, such as caltech10. FOLDER/sr and FOLDER/unet get network.onnx, a
folder of images as the network reads them, and test.npz, which score.py measures a network by.
"""

import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageOps
from torch import nn

SIDE = 96


def photographs(folder: Path, count: int, seed: int) -> list[Image.Image]:
    """Random squares of the photographs, as often as it takes."""
    files = sorted(folder.rglob("*.jpg"))
    draw = numpy.random.default_rng(seed)
    squares = []
    for index in range(count):
        image = Image.open(files[index % len(files)]).convert("RGB")
        side = int(min(image.size) * draw.uniform(0.5, 1))
        left, top = (int(draw.integers(0, size - side + 1)) for size in image.size)
        squares.append(image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return squares


def tensor(images: list[Image.Image]) -> torch.Tensor:
    array = numpy.stack([numpy.asarray(image) for image in images])
    return torch.from_numpy(array).permute(0, 3, 1, 2).float() / 255


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1))

    def forward(self, x):
        return x + self.body(x)


class SuperResolution(nn.Module):
    """EDSR (Lim et al. 2017) with 8 blocks of 48 channels: twice the height and width."""

    def __init__(self, width: int = 48, blocks: int = 8):
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, 1, 1)
        self.body = nn.Sequential(*(Residual(width) for _ in range(blocks)), nn.Conv2d(width, width, 3, 1, 1))
        self.tail = nn.Sequential(nn.Conv2d(width, 12, 3, 1, 1), nn.PixelShuffle(2))

    def forward(self, x):
        x = self.head(x)
        return self.tail(x + self.body(x))


def double(read: int, width: int) -> nn.Sequential:
    def layer(read: int) -> list[nn.Module]:
        return [nn.Conv2d(read, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]

    return nn.Sequential(*layer(read), *layer(width))


class UNet(nn.Module):
    """Ronneberger et al. 2015 with batch norms, 16 to 128 channels: the logit of being foreground, for every pixel."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)):
        super().__init__()
        self.down = nn.ModuleList(double(r, w) for r, w in zip((3, *widths), widths))
        pairs = list(zip(widths[1:], widths))[::-1]
        self.raise_ = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, 2) for wide, narrow in pairs)
        self.up = nn.ModuleList(double(2 * narrow, narrow) for _, narrow in pairs)
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        seen = []
        for index, layer in enumerate(self.down):
            x = layer(x if index == 0 else F.max_pool2d(x, 2))
            seen.append(x)
        for raised, layer, skip in zip(self.raise_, self.up, seen[-2::-1]):
            x = layer(torch.cat([raised(x), skip], 1))
        return self.last(x)


def train(network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, loss, epochs: int, rate: float) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    batch = 16
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(inputs) // batch))
    for epoch in range(epochs):
        total = 0.0
        for places in torch.randperm(len(inputs)).split(batch):
            if len(places) < batch:
                continue
            x, y = inputs[places], targets[places]
            if torch.rand(()) < 0.5:
                x, y = x.flip(3), y.flip(3)
            optimizer.zero_grad()
            value = loss(network(x), y)
            value.backward()
            optimizer.step()
            schedule.step()
            total += value.item()
        print(f"epoch {epoch + 1}/{epochs}  loss {total / (len(inputs) // batch):.5f}", flush=True)
    network.eval()


def keep(folder: Path, network: nn.Module, images: list[Image.Image], inputs: torch.Tensor, targets: torch.Tensor):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        image.save(folder / "images" / f"{index:04}.png")
    numpy.savez_compressed(folder / "test.npz", inputs=inputs.numpy(), targets=targets.numpy())
    torch.onnx.export(
        network, inputs[:1], folder / "network.onnx", input_names=["image"], output_names=["output"],
        dynamic_axes={"image": {0: "batch"}}, dynamo=False)  # fmt: skip


def halved(images: list[Image.Image]) -> list[Image.Image]:
    return [image.resize((SIDE // 2, SIDE // 2), Image.Resampling.BICUBIC) for image in images]


def super_resolution(source: Path, folder: Path, epochs: int = 20) -> None:
    images, held = photographs(source / "train", 1600, 0), photographs(source / "test", 200, 1)
    small = halved(images)
    network = SuperResolution()
    train(network, tensor(small), tensor(images), F.l1_loss, epochs, 5e-4)
    keep(folder, network, small, tensor(halved(held)), tensor(held))


def with_blobs(images: list[Image.Image], seed: int) -> tuple[list[Image.Image], torch.Tensor]:
    """Parts of other photographs, their colours turned, in shapes of three kinds, and where they are."""
    draw = numpy.random.default_rng(seed)
    drawn, masks = [], []
    for index, image in enumerate(images):
        mask = Image.new("L", image.size)
        pen = ImageDraw.Draw(mask)
        for _ in range(draw.integers(1, 4)):
            x, y = draw.integers(0, SIDE, 2)
            w, h = draw.integers(16, 60, 2)
            kind = draw.integers(0, 3)
            if kind == 0:
                pen.ellipse((x - w / 2, y - h / 2, x + w / 2, y + h / 2), fill=255)
            else:
                turns = draw.uniform(0, 2 * numpy.pi) + numpy.arange(3 if kind == 1 else 5) * 2 * numpy.pi / (
                    3 if kind == 1 else 2.5
                )
                points = [(float(x + w / 2 * numpy.cos(t)), float(y + w / 2 * numpy.sin(t))) for t in turns]
                pen.polygon(points, fill=255)
        other = images[(index * 7 + 3) % len(images)]
        drawn.append(Image.composite(ImageOps.invert(other), image, mask))
        masks.append(torch.from_numpy(numpy.asarray(mask) > 127).float()[None])
    return drawn, torch.stack(masks)


def segmentation(source: Path, folder: Path, epochs: int = 8) -> None:
    images, masks = with_blobs(photographs(source / "train", 1600, 2), 3)
    held, held_masks = with_blobs(photographs(source / "test", 200, 4), 5)
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    network = UNet()
    train(network, (tensor(images) - mean) / std, masks, F.binary_cross_entropy_with_logits, epochs, 2e-3)
    keep(folder, network, images, (tensor(held) - mean) / std, held_masks)


if __name__ == "__main__":
    torch.set_num_threads(1)
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    which = sys.argv[3:] or ["sr", "unet"]
    if "sr" in which:
        super_resolution(source, folder / "sr")
    if "unet" in which:
        segmentation(source, folder / "unet")
