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


def bitmap(
    bits: int,
    rows: bytes,
    size: int = 40,
    compression: int = 0,
    palette: bytes = b"",
    down: bool = False,
    masks: bytes = b"",
) -> bytes:
    """A BMP of the small picture's size, in the kinds that Pillow reads but does not write."""
    width, height = small.size
    offset = 14 + size + len(masks) + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    if size == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII",
            40,
            width,
            -height if down else height,
            1,
            bits,
            compression,
            len(rows),
            0,
            0,
            len(palette) // 4,
            0,
        )
    return head + info + masks + palette + rows


def padded(row: bytes) -> bytes:
    return row + bytes(-len(row) % 4)


def runs(row: bytes, bits: int) -> bytes:
    """A row in the run lengths of BMP: runs, then stretches without, then the mark of the row's end."""
    result, position = b"", 0
    while position < len(row):
        length = 1
        while position + length < len(row) and row[position + length] == row[position] and length < 255:
            length += 1
        if length == 1 and len(row) - position >= 5:
            part = row[position : position + 5]
            packed = part if bits == 8 else bytes(a << 4 | b for a, b in zip(part[::2], part[1::2] + b"\0"))
            result += b"\0\5" + packed + bytes(len(packed) % 2)
            position += 5
        else:
            value = row[position] if bits == 8 else row[position] * 17
            result += bytes([length, value])
            position += length
    return result + b"\0\0"


def packed(row: bytes, bits: int) -> bytes:
    each = 8 // bits
    row += bytes(-len(row) % each)
    return bytes(
        sum(v << (8 - bits - bits * i) for i, v in enumerate(row[k : k + each])) for k in range(0, len(row), each)
    )


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
# Other formats than JPEG and PNG.
save(small, "kind-lossless.webp", lossless=True)
save(small, "kind-lossy.webp", quality=80)
save(alpha, "kind-alpha.webp", quality=80, exact=True)
turned_small = small.transpose(Image.Transpose.ROTATE_180)
save(small, "animated.webp", save_all=True, append_images=[turned_small], lossless=True)
for name, options in {
    "raw": {},
    "lzw": {"compression": "tiff_lzw"},
    "deflate": {"compression": "tiff_adobe_deflate"},
    "jpeg": {"compression": "jpeg", "quality": 85},
    "big": {"big_tiff": True},
}.items():
    save(small, f"kind-{name}.tif", **options)
save(small.convert("L"), "kind-grey.tif")
save(small.convert("1"), "kind-bits.tif", compression="group4")
save(small.quantize(16), "kind-palette.tif")
save(small.convert("CMYK"), "kind-cmyk.tif")
save(alpha, "kind-rgba.tif")
for orientation in (2, 3, 4, 5, 6, 7, 8):
    save(small, f"kind-turned{orientation}.tif", compression="tiff_lzw", tiffinfo={274: orientation})
save(small, "pages.tif", save_all=True, append_images=[turned_small])
# Pillow clips the samples of grey images of 16 bits to 255; Thresh keeps their upper 8 bits, as it does of PNG.
deep = np.asarray(small.convert("L")).astype(np.uint16) * 200 + 7
for name in ("deep.png", "deep.tif", "deep.pgm"):
    save(Image.fromarray(deep), name)
save(Image.fromarray((deep >> 8).astype(np.uint8)), "deep-expected.png")

pixels, sixteen = np.asarray(small), small.quantize(16)
index = np.asarray(sixteen)
colours = np.array(sixteen.getpalette()[:48], np.uint8).reshape(16, 3)
quads = b"".join(bytes([b, g, r, 0]) for r, g, b in colours)
triples = b"".join(bytes([b, g, r]) for r, g, b in colours)
# Stretches of one colour, which run lengths are for.
blocks = (index // 4 * 4)[:, np.arange(small.width) // 3 * 3]
upward = range(small.height - 1, -1, -1)
save(small, "kind-24.bmp")
save(small.convert("L"), "kind-grey.bmp")
save(small.convert("1"), "kind-bits.bmp")
save(sixteen, "kind-palette.bmp")
save(alpha, "kind-32.bmp")
(here / "kind-down.bmp").write_bytes(bitmap(24, b"".join(padded(r[:, ::-1].tobytes()) for r in pixels), down=True))
(here / "kind-4.bmp").write_bytes(
    bitmap(4, b"".join(padded(packed(index[y].tobytes(), 4)) for y in upward), palette=quads)
)
(here / "kind-os2.bmp").write_bytes(
    bitmap(4, b"".join(padded(packed(index[y].tobytes(), 4)) for y in upward), size=12, palette=triples)
)
(here / "kind-rle8.bmp").write_bytes(
    bitmap(8, b"".join(runs(blocks[y].tobytes(), 8) for y in upward) + b"\0\1", compression=1, palette=quads)
)
(here / "kind-rle4.bmp").write_bytes(
    bitmap(4, b"".join(runs(blocks[y].tobytes(), 4) for y in upward) + b"\0\1", compression=2, palette=quads)
)
r, g, b = (pixels[..., c].astype(np.uint16) for c in range(3))
five = r >> 3 << 10 | g >> 3 << 5 | b >> 3
six = r >> 3 << 11 | g >> 2 << 5 | b >> 3
(here / "kind-555.bmp").write_bytes(bitmap(16, b"".join(padded(five[y].tobytes()) for y in upward)))
(here / "kind-565.bmp").write_bytes(
    bitmap(
        16,
        b"".join(padded(six[y].tobytes()) for y in upward),
        compression=3,
        masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F),
    )
)

save(sixteen, "kind-palette.gif", interlace=0)
save(small.quantize(200), "kind-interlaced.gif", interlace=1)
save(small.convert("L"), "kind-grey.gif")
save(small.convert("1"), "kind-bits.gif")
save(sixteen, "animated.gif", save_all=True, append_images=[turned_small.quantize(16)], duration=100)
# A frame smaller than its canvas, whose colour 3 is transparent: a screen of 40×30, a control and the frame at (7, 5).
one = (here / "kind-palette.gif").read_bytes()
screen = one[:6] + struct.pack("<HH", 40, 30) + one[10:]
start = screen.index(b",", 13 + 3 * 16)
(here / "kind-placed.gif").write_bytes(
    screen[:start] + b"!\xf9\4\1\0\0\3\0" + b"," + struct.pack("<HH", 7, 5) + screen[start + 5 :]
)

save(small, "kind-raw.ppm")
save(small.convert("L"), "kind-raw.pgm")
save(small.convert("1"), "kind-raw.pbm")
size = b"# a comment\n%d %d\n" % small.size
hundred = (pixels.astype(int) * 100 // 255).astype(np.uint8)
(here / "kind-hundred.ppm").write_bytes(b"P6\n" + size + b"100\n" + hundred.tobytes())
(here / "kind-deep.ppm").write_bytes(
    b"P6\n" + size + b"65535\n" + (pixels.astype(">u2") * 250 + 3).astype(">u2").tobytes()
)


def words(values):
    return b"\n".join(b" ".join(b"%d" % v for v in row) for row in values.reshape(small.height, -1))


(here / "kind-plain.ppm").write_bytes(b"P3\n" + size + b"255\n" + words(pixels) + b"\n")
(here / "kind-plain.pgm").write_bytes(b"P2\n" + size + b"100 # the maximum\n" + words(hundred[..., 0]) + b"\n")
bits = (np.asarray(small.convert("1")) == 0).astype(int)
(here / "kind-plain.pbm").write_bytes(
    b"P1\n" + size + b"\n".join(b"".join(b"%d" % v for v in row) for row in bits) + b"\n"
)

for path in sorted(here.glob("kind-*.*")):
    if "expected" in path.name:
        continue
    name = path.name.replace(".", "-")
    save(Image.open(path).convert("RGB"), f"{name}-expected-rgb.png")
    save(Image.open(path).convert("RGB").convert("L"), f"{name}-expected-grey.png")

print("made with Pillow", PIL.__version__)
