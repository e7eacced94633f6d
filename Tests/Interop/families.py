"""Which networks of torchvision come in as ONNX, run the same, go out again and compress.

Every network that takes images is exported with random weights, its norms settled on random images. The exported file
and the one that Thresh read and wrote again are compared by what they give in onnxruntime. Then it is cut to 60 % of
its MACs, and the cut is proved. Prints the tables of Documentation/onnx.md.

    .venv/bin/python Tests/Interop/families.py [--without-cut] [NETWORK …]

Cutting all of them takes hours, reading and writing half an hour.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import detection  # makes torchvision importable beside a CPU build too
import numpy
import onnxruntime
import torch
from torchvision import models

ROOT = Path(__file__).resolve().parent.parent.parent
THRESH = os.environ.get("THRESH", str(ROOT / ".build/release/thresh"))
KINDS = {"classification": models, "segmentation": models.segmentation, "detection": models.detection}
# Exported by the newer exporter (torch.export) as well.
TWICE = [
    "alexnet", "vgg11", "vgg16_bn", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121",
    "googlenet", "inception_v3", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mnasnet1_0",
    "shufflenet_v2_x1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "regnet_x_400mf", "convnext_tiny",
    "vit_b_16", "vit_b_32", "swin_t", "swin_v2_t", "maxvit_t",
]  # fmt: skip
# A file of ONNX holds at most 2 GiB.
TOO_LARGE = ["regnet_y_128gf", "vit_h_14"]


class First(torch.nn.Module):
    """The main output of a segmenter."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images)["out"]


def settle(model: torch.nn.Module, images: torch.Tensor, run) -> torch.nn.Module:
    """The model with norms that have seen images, and no parameter left at zero."""
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        run(images)
    return model.eval()


def build(name: str, kind: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """The network, and images for it."""
    torch.manual_seed(0)
    if kind == "detection":
        sizes = {} if "320" in name or name.startswith("ssd") else {"min_size": 320, "max_size": 320}
        # Random weights are sure of nothing: whatever is found counts.
        least = {"box_score_thresh" if "rcnn" in name else "score_thresh": 0.0}
        model = models.get_model(name, weights=None, weights_backbone=None, num_classes=5, **sizes, **least).eval()
        side = 300 if name == "ssd300_vgg16" else 320
        return settle(model, torch.rand(2, 3, side, side) * 4 - 2, model.backbone), torch.rand(3, side, side)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    if kind == "segmentation":
        options = {"weights_backbone": None}
    model = models.get_model(name, weights=None, **options).eval()
    model = First(model) if kind == "segmentation" else model
    side = 299 if name == "inception_v3" else 256 if kind == "segmentation" else 224
    images = torch.randn(2, 3, side, side)
    return settle(model, images, model), images


def export(model: torch.nn.Module, images: torch.Tensor, file: Path, newer: bool) -> None:
    """Through the newer exporter (torch.export) or the older one (TorchScript), the batch left open."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if newer:
            shapes = ({0: torch.export.Dim("batch", min=1)},)
            torch.onnx.export(model, (images,), file, dynamo=True, dynamic_shapes=shapes, verbose=False)
        else:
            given = (images,) if images.dim() == 4 else ([images],)
            free = {"images": {0: "batch"}} if images.dim() == 4 else {}
            names = {"input_names": ["images"], "dynamic_axes": free}
            torch.onnx.export(model, given, file, dynamo=False, opset_version=17, **names)


def thresh(*words) -> str | None:
    """What Thresh says was wrong; nothing when it was not."""
    try:
        done = subprocess.run([THRESH, *map(str, words)], capture_output=True, text=True, check=False, timeout=1800)
    except subprocess.TimeoutExpired:
        return "takes more than 30 minutes"
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]


def results(file: Path, images: torch.Tensor) -> list[numpy.ndarray]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images.numpy()})


def difference(found: list[numpy.ndarray], wanted: list[numpy.ndarray]) -> float:
    same = [value.shape for value in found] == [value.shape for value in wanted]
    if not same or not any(value.size for value in wanted):
        return float("inf")
    return max(float(numpy.abs(a - b).max() / max(numpy.abs(b).max(), 1e-30)) for a, b in zip(found, wanted) if b.size)


def row(name: str, kind: str, newer: bool, cuts: bool, folder: Path) -> tuple[list[str], bool, bool]:
    """The network's row, whether it was written again with the same outputs, and whether it was cut."""
    head = [name, "torch.export" if newer else "TorchScript"]
    if name in TOO_LARGE:
        return [*head, "not tried: over 2 GiB", "", ""], False, False
    model, images = build(name, kind)
    file, again = folder / f"{name}.onnx", folder / "again.onnx"
    try:
        export(model, images, file, newer)
    except Exception as error:  # the exporter's own failure is a result too
        return [*head, f"not exported by PyTorch: {str(error).splitlines()[0][:80]}", "", ""], False, False
    del model
    if wrong := thresh("export", file, "--to", "onnx", "--output", again):
        return [*head, wrong.split("cannot be read: ")[-1][:160], "", ""], False, False
    off = difference(results(again, images), results(file, images))
    again.unlink()
    if not cuts:
        return [*head, "reads and writes", f"{off:.0e}", ""], off < 1e-5, False
    wrong = thresh("compress", file, "--macs", 0.6, "--output", folder / "small.onnx")
    cut = "to 60 % of the MACs" if wrong is None else wrong[:120]
    return [*head, "reads and writes", f"{off:.0e}", cut], off < 1e-5, wrong is None


def main() -> None:
    names = [word for word in sys.argv[1:] if word != "--without-cut"]
    cuts = "--without-cut" not in sys.argv
    counts = []
    print("| network | exporter | | difference | compresses |\n|---|---|---|---:|---|")
    for kind, module in KINDS.items():
        chosen = [name for name in models.list_models(module=module) if not names or name in names]
        read = cut = 0
        for name in chosen:
            for newer in (False, True) if name in TWICE else (False,):
                with tempfile.TemporaryDirectory() as folder:
                    cells, is_same, is_cut = row(name, kind, newer, cuts, Path(folder))
                print("| " + " | ".join(cells) + " |", flush=True)
                read += is_same and not newer
                cut += is_cut and not newer
        counts.append(f"| {kind} | {len(chosen)} | {read} | {cut} |")
    print("\n| kind | networks | read and written again | cut to 60 % of the MACs and proved |\n|---|---:|---:|---:|")
    print("\n".join(counts))


if __name__ == "__main__":
    torch.set_num_threads(1)
    detection.export_detectors()
    main()
