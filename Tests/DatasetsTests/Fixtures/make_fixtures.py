"""Makes the images beside this file: python -m pip install pillow numpy; python make_fixtures.py

Everything is drawn here; nothing comes from a data set. What Thresh must reproduce is written as PNG by Pillow, whose
resize torchvision's transforms.Resize uses for PIL images.
"""

import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image

here = pathlib.Path(__file__).parent


def picture(width: int, height: int, seed: int) -> Image.Image:
    """Waves of several lengths, a hard edge and some noise: all that a resize can get wrong."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    red = 127 + 120 * np.sin(x / 3) * np.cos(y / 7)
    green = 255 * (x + y > (width + height) / 2)
    blue = 255 * x / width
    return Image.fromarray(np.clip(np.stack([red, green, blue], -1) + noise, 0, 255).astype(np.uint8), "RGB")


def evaluated(image: Image.Image, resize: int, size: int) -> Image.Image:
    """transforms.Resize(resize) and transforms.CenterCrop(size), as torchvision's functional.py computes them."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    longer = int(resize * long / short)
    image = image.resize((resize, longer) if width <= height else (longer, resize), Image.Resampling.BILINEAR)
    left, top = int(round((image.width - size) / 2.0)), int(round((image.height - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def save(image: Image.Image, name: str, **options) -> None:
    image.save(here / name, **options)


def interlaced(image: Image.Image) -> bytes:
    """A PNG in Adam7's seven passes, which Pillow reads but does not write."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    pixels = np.asarray(image)
    rows = b""
    for left, top, right, down in passes:
        part = pixels[top::down, left::right]
        rows += b"".join(b"\0" + row.tobytes() for row in part if row.size)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


wide, tall, tiny = picture(91, 47, 1), picture(40, 83, 2), picture(13, 17, 3)
for name, image in [("wide", wide), ("tall", tall), ("tiny", tiny)]:
    save(image, f"{name}.png")
    save(evaluated(image, 32, 28), f"{name}-32-28.png")
    save(evaluated(image, 33, 24).convert("RGB"), f"{name}-33-24.png")

# A part of an image resized, as RandomResizedCrop does after it has chosen.
save(wide.crop((20, 5, 20 + 37, 5 + 29)).resize((24, 24), Image.Resampling.BILINEAR), "wide-part-24.png")

# Every kind of file that decodes to RGB and grey.
small = picture(30, 22, 4)
save(small, "kind-rgb.jpg", quality=85)
save(small, "kind-progressive.jpg", quality=85, progressive=True)
save(small.convert("L"), "kind-grey.jpg", quality=85)
save(small.convert("CMYK"), "kind-cmyk.jpg", quality=85)
save(small.convert("L"), "kind-grey.png")
save(small.convert("1"), "kind-bits.png")
save(small.quantize(16), "kind-palette.png")
(here / "kind-interlaced.png").write_bytes(interlaced(small))
assert np.array_equal(np.asarray(Image.open(here / "kind-interlaced.png")), np.asarray(small))
alpha = small.copy()
alpha.putalpha(Image.linear_gradient("L").resize(small.size))
save(alpha, "kind-rgba.png")
save(alpha.convert("LA"), "kind-grey-alpha.png")
turned = Image.Exif()
turned[0x0112] = 6  # "rotate by 90 degrees", which torchvision's loader ignores
save(small, "kind-exif.jpg", quality=85, exif=turned)
for path in sorted(here.glob("kind-*.*")):
    if "expected" in path.name:
        continue
    name = path.name.replace(".", "-")
    save(Image.open(path).convert("RGB"), f"{name}-expected-rgb.png")
    save(Image.open(path).convert("RGB").convert("L"), f"{name}-expected-grey.png")

print("made with Pillow", PIL.__version__)
