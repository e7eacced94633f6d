"""A small vision transformer, trained with PyTorch on CIFAR-10 and exported to ONNX: something to cut.

    python original.py FOLDER_OF_CIFAR_10 FILE.onnx [EPOCHS]

64 tokens of 64 numbers from patches of 4×4 pixels, 4 blocks of 4 heads and 256 hidden units.
"""

import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch import nn

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        images, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(images, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(images, tokens, width)
        x = x + self.proj(mixed)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, width: int = 64, depth: int = 4, heads: int = 4, patch: int = 4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.randn(1, (32 // patch) ** 2, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x)).mean(1))


def read(files: list[Path]) -> tuple[torch.Tensor, torch.Tensor]:
    rows = numpy.concatenate([numpy.fromfile(file, numpy.uint8).reshape(-1, 3073) for file in files])
    images = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    return (images - mean) / std, torch.from_numpy(rows[:, 0].astype(numpy.int64))


def varied(images: torch.Tensor) -> torch.Tensor:
    """Each image moved by up to four pixels and half of them mirrored."""
    padded = F.pad(images, (4, 4, 4, 4))
    down, right = torch.randint(0, 9, (2, len(images)))
    moved = torch.stack([padded[i, :, d : d + 32, r : r + 32] for i, (d, r) in enumerate(zip(down, right))])
    mirrored = torch.rand(len(images)) < 0.5
    moved[mirrored] = moved[mirrored].flip(3)
    return moved


def main() -> None:
    source, file, epochs = Path(sys.argv[1]), sys.argv[2], int((sys.argv[3:] or ["12"])[0])
    images, labels = read(sorted(source.glob("data_batch_*.bin")))
    test, answers = read([source / "test_batch.bin"])
    torch.manual_seed(0)
    network = Transformer()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.05)
    batch = 128
    steps = epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        total = 0.0
        for places in torch.randperm(len(images))[: len(images) // batch * batch].split(batch):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(varied(images[places])), labels[places], label_smoothing=0.1)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1)
            optimizer.step()
            schedule.step()
            total += loss.item()
        with torch.no_grad():
            right = sum(
                (network(test[i : i + 500]).argmax(1) == answers[i : i + 500]).sum() for i in range(0, 10_000, 500)
            )
        print(
            f"epoch {epoch + 1}/{epochs}  loss {total * batch / len(images):.4f}  top-1 {right / 100:.2f}", flush=True
        )
    network.eval()
    torch.onnx.export(
        network, test[:1], file, input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}}, dynamo=False)  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
