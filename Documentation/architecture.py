"""Draws architecture.svg: python3 Documentation/architecture.py

The picture has a background of its own, so that it can be read on light and on dark pages.
"""

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 600
INK, SOFT, PAPER = "#1f2933", "#52606d", "#fbfbf9"
VALUE, WORK, FILE, BASE = "#dbe7f6", "#fdebd0", "#e3f1e1", "#ece7f4"
parts: list[str] = []


def text(x: float, y: float, words: str, size: int = 14, colour: str = INK, weight: str = "normal", anchor="middle"):
    parts.append(
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def box(x: float, y: float, w: float, h: float, title: str, lines: list[str], fill: str, module: str = ""):
    parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7" fill="{fill}" stroke="{SOFT}"/>')
    rows = [(title, 15, INK, "bold")] + [(line, 13, INK, "normal") for line in lines]
    if module:
        rows.append((module, 12, SOFT, "normal"))
    top = y + h / 2 - (len(rows) - 1) * 9 + 5
    for index, (words, size, colour, weight) in enumerate(rows):
        text(x + w / 2, top + index * 18, words, size, colour, weight)


def arrow(points: list[tuple[float, float]], words: str = "", at: tuple[float, float] = (0, 0), anchor: str = "middle"):
    path = " L".join(f"{x} {y}" for x, y in points)
    parts.append(f'<path d="M{path}" fill="none" stroke="{INK}" stroke-width="1.6" marker-end="url(#head)"/>')
    if words:
        text(*at, words, 12, SOFT, anchor=anchor)


# What comes in.
box(30, 60, 200, 62, "network", ["architecture, ONNX, weights"], FILE, "Architectures, Interchange")
box(30, 160, 200, 62, "images", ["files → batches"], FILE, "Datasets")
# The middle: one value, and what rewrites it.
box(310, 60, 200, 62, "Model", ["network as a value, metadata"], VALUE, "Networks, Interchange")
box(310, 160, 200, 80, "train", ["SGD or AdamW step,", "then proximal step"], WORK, "Training, Compaction")
box(310, 280, 200, 80, "Model, low rank", ["and zero units"], VALUE)
box(590, 280, 200, 80, "Plan", ["form of every layer,", "reason if dense"], VALUE, "Compaction")
box(590, 160, 200, 80, "apply, prove", ["rewrite, then compare", "in float64"], WORK, "Compaction")
box(590, 60, 200, 62, "smaller Model", ["the same kind of value"], VALUE)
# What a plan is made of.
box(820, 265, 118, 110, "choose", ["candidates", "losses, costs", "target"], WORK, "Compaction")
# What goes out.
box(820, 51, 118, 80, "files", ["ONNX, PyTorch,", "Core ML"], FILE, "Interchange")

arrow([(230, 91), (308, 91)])
arrow([(230, 191), (308, 191)], "batches", (269, 184))
arrow([(410, 122), (410, 158)])
arrow([(410, 240), (410, 278)])
arrow([(510, 310), (588, 310)], "analyse", (549, 303))
arrow([(818, 320), (792, 320)])
arrow([(690, 280), (690, 242)])
arrow([(690, 160), (690, 124)])
arrow([(790, 91), (818, 91)])
arrow([(588, 110), (550, 110), (550, 200), (512, 200)], "fine-tune", (556, 150), "start")
arrow([(510, 75), (536, 75), (536, 262), (640, 262), (640, 278)], "pretrained", (530, 256), "end")

# How a network runs.
parts.append(
    f'<rect x="30" y="410" width="908" height="84" rx="7" fill="none" stroke="{SOFT}" stroke-dasharray="5 4"/>'
)
text(44, 430, "how a network runs", 12, SOFT, anchor="start")
box(50, 438, 190, 46, "Network", ["nodes and parameters"], VALUE)
box(300, 438, 190, 46, "Program", ["instructions"], VALUE)
box(550, 438, 170, 46, "Torch", ["tensors, one C header"], BASE)
box(760, 438, 160, 46, "kernels, libtorch", ["CKernels, CTorch"], BASE)
arrow([(240, 461), (298, 461)], "lowering", (269, 454))
arrow([(490, 461), (548, 461)])
arrow([(720, 461), (758, 461)])

# Who uses it.
box(30, 516, 440, 46, "Thresh", ["what a Swift program imports: Model, Session, Recipe"], BASE)
box(498, 516, 440, 46, "thresh", ["the command: options, printing, exit codes; Reports draws"], BASE)
arrow([(496, 539), (472, 539)])

for x, (fill, words) in zip(
    (30, 180, 330, 480), ((VALUE, "a value"), (WORK, "work"), (FILE, "files"), (BASE, "a layer of modules"))
):
    parts.append(f'<rect x="{x}" y="20" width="16" height="16" rx="3" fill="{fill}" stroke="{SOFT}"/>')
    text(x + 24, 33, words, 13, SOFT, anchor="start")

svg = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT - 20}" width="{WIDTH}" \
height="{HEIGHT - 20}" font-family="Helvetica, Arial, sans-serif">
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>
<rect width="{WIDTH}" height="{HEIGHT - 20}" rx="10" fill="{PAPER}"/>
{chr(10).join(parts)}
</svg>
"""
Path(__file__).with_suffix(".svg").write_text(svg)
