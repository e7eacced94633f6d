"""The pretrained ResNet-20 and 10,000 of CIFAR-10's training images: a cheap setting that studies share.

An epoch is a fifth of one of CIFAR-10. The images are those of data_batch_1, written as a folder of PNG files.
"""

import os
import struct
import zlib
from pathlib import Path

RECORD = 1 + 3 * 32 * 32
# The CIFAR way to show an image: as it is, and padded by 4 and mirrored in training.
RECIPE = """data:
  image-size: 32
  image-resize: 32
  mean: [0.4914, 0.4822, 0.4465]
  std: [0.2470, 0.2435, 0.2616]
  validation: 0.05
augmentation:
  crop: 4
  flip: true
training:
  warmup-epochs: 0
distillation:
  weight: 0.7
"""


def setting(folder: Path) -> list:
    """Options of `thresh train` for it; images and recipe go into the study's folder."""
    source = Path(os.environ.get("THRESH_DATA", "."))
    data = images(source / "cifar-10-batches-bin", folder / "images")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    weights = source / "weights/resnet20-cifar10.safetensors"
    return ["--recipe", recipe, "--model", "resnet20", "--weights", weights, "--data", data]


def png(record: bytes) -> bytes:
    """An image of CIFAR-10, three planes of 32×32, as a PNG file."""
    planes = [record[1 + 1024 * channel :][:1024] for channel in range(3)]
    rows = b"".join(b"\0" + bytes(plane[32 * y + x] for x in range(32) for plane in planes) for y in range(32))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def images(source: Path, target: Path) -> Path:
    """data_batch_1 and the test images as PNG files by class; a folder that is there already stays."""
    if target.exists():
        return target
    part = target.with_suffix(".part")
    names = (source / "batches.meta.txt").read_text().split()
    for split, file in (("train", "data_batch_1.bin"), ("val", "test_batch.bin")):
        data = (source / file).read_bytes()
        for index in range(len(data) // RECORD):
            record = data[index * RECORD :][:RECORD]
            folder = part / split / names[record[0]]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{index:05}.png").write_bytes(png(record))
    part.rename(target)
    return target
